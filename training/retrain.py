"""Retraining: whether there is anything to learn that a version does not know already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from app.artifact import ArtifactError, Manifest, load_manifest
from training import provenance
from training.publish import is_whole
from training.settings import Settings
from training.table import Table


@dataclass(frozen=True)
class Retraining:
    """How a retraining differs from a training: it may find nothing to do, and promotes only if ``promote`` says so."""

    promote: bool


def known_version(parent: Path, source: str, table: Table, settings: Settings) -> Path | None:
    """The version under ``parent`` that a training on ``table`` would make again: the same data, settings and code.

    ``source`` is the name by which the manifest knows the data.
    """
    expected = (
        table.fingerprint,
        source,
        msgspec.to_builtins(settings.shaping(table.task)),
        provenance.libraries(),
        provenance.code_hash(),
    )
    for directory in parent.glob("[0-9a-f]*"):
        try:
            found = _ingredients(load_manifest(directory))
        except ArtifactError:
            continue
        if found == expected and is_whole(directory):
            return directory
    return None


def _ingredients(manifest: Manifest) -> tuple[object, ...]:
    """What decides a version."""
    data = manifest.data
    return data.fingerprint, data.source, manifest.settings, manifest.libraries, manifest.code
