"""The current model, measured on the rows held out for the new one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec import to_builtins

from app.artifact import MODEL, Artifact, ArtifactError, Comparison, current_version, load
from training.evaluate import evaluate
from training.export.runtime import Answers, Model, answer
from training.paired import paired_test
from training.table import Table
from training.train_settings import SplitSettings


@dataclass(frozen=True)
class Champion:
    """The current model's metrics and where they come from; ``obstacle`` says why no comparison is possible.

    ``comparison`` is the paired test against it, where both models answered the same rows.
    """

    version: str
    metrics: dict[str, float]
    note: str
    obstacle: str | None = None
    comparison: Comparison | None = None


def measure_champion(
    parent: Path,
    table: Table,
    held_out: np.ndarray,
    split: SplitSettings,
    challenger: Answers,
    metric: str,
    costs: np.ndarray | None = None,
) -> Champion | None:
    """Measure the model that ``parent/current`` names on the ``held_out`` rows; None where there is no pointer.

    ``challenger`` holds the new model's answers to those rows; both are compared in what ``metric`` measures, the
    metric ``cost`` by ``costs``.

    A champion with other features than the table's is taken at the metrics it recorded; one that predicts something
    else cannot be compared. One that is damaged, and so cannot serve, is no obstacle.
    """
    version = current_version(parent)
    if version is None:
        return None
    try:
        artifact = load(parent)
    except ArtifactError as error:
        return Champion(version, {}, note=f"the current model cannot be served, so it is not compared with: {error}")
    manifest = artifact.manifest
    if (manifest.target, manifest.task) != (table.target_name, table.task):
        return Champion(
            version,
            {},
            note="",
            obstacle=f"the current model {version} predicts '{manifest.target}' ({manifest.task}), this one "
            f"'{table.target_name}' ({table.task}): give this one a --name of its own",
        )
    if not _fits(artifact, table):
        return Champion(version, manifest.metrics, note="its features or classes differ: compared by recorded metrics")
    model = Model(artifact.read(MODEL), {feature.name: feature.type for feature in manifest.features})
    target = table.target[held_out]
    answers = answer(model, table.frame(), held_out)
    metrics = evaluate(answers, target, len(table.classes), costs)
    held_out_then = manifest.data.fingerprint == table.fingerprint and manifest.settings.get("split") == to_builtins(
        split
    )
    caution = "" if held_out_then else ", some of which it may have been trained on"
    return Champion(
        version,
        metrics,
        note=f"measured on the same held-out rows{caution}",
        comparison=paired_test(metric, target, champion=answers, challenger=challenger, costs=costs),
    )


def _fits(artifact: Artifact, table: Table) -> bool:
    """Whether the champion can answer the table's rows: its features are there, with their types, and its classes."""
    types = {column.name: column.type for column in table.features}
    same_features = all(types.get(feature.name) == feature.type for feature in artifact.manifest.features)
    return same_features and artifact.manifest.classes == table.classes
