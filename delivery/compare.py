"""What differs between two releases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.artifact import load_manifest
from delivery import sbom
from delivery.store import read
from delivery.unit import SBOM


@dataclass(frozen=True)
class Difference:
    """One thing that differs: what it is and how either release has it, empty where it has not."""

    what: str
    before: str
    after: str


def compare(before: Path, after: Path) -> list[Difference]:
    """The differences between the releases in two directories, nothing where they are the same."""
    return [
        Difference(what, old, new)
        for what, (old, new) in _paired(_facts(before), _facts(after)).items()
        if old != new
    ]  # fmt: skip


def _paired(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Both values of every key, in the order of their first appearance."""
    return {key: (before.get(key, ""), after.get(key, "")) for key in {**before, **after}}


def _facts(directory: Path) -> dict[str, str]:
    """Everything about a release that another one may have otherwise."""
    unit, manifest = read(directory), load_manifest(directory)
    packages = sbom.read((directory / SBOM).read_bytes()).packages
    return {
        "release": unit.id,
        "model": f"{unit.name} {unit.model_version}",
        "image": unit.image,
        "image size": f"{unit.image_bytes:,} bytes",
        "commit": unit.commit,
        "created": unit.created,
        "estimator": manifest.estimator,
        "data": manifest.data.fingerprint,
        "rows": str(manifest.data.rows),
        **{f"metric {name}": f"{value:.4f}" for name, value in manifest.metrics.items()},
        **{f"feature {feature.name}": feature.type for feature in manifest.features},
        **{f"package {name}": package.version for name, package in packages.items()},
        **{f"licence {name}": package.license for name, package in packages.items()},
    }
