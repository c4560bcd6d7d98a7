"""What is written of a model: the manifest, sealed by the files' hashes, and the release of the day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from app.artifact import FORMAT, Data, Example, Gate, Manifest, Release, Search, Slice, sha256, version_of
from training import provenance
from training.distributions import count_distribution, describe_feature, number_distribution
from training.export.runtime import Answers, Model, answer
from training.search import Found
from training.settings import Settings
from training.table import Table


def make_manifest(
    settings: Settings,
    name: str,
    source: str,
    table: Table,
    train_rows: np.ndarray,
    model: Model,
    metrics: dict[str, float],
    found: Found | None,
    folds: dict[str, list[float]],
    slices: list[Slice],
) -> Manifest:
    """All of the manifest but the files' hashes and the version, which ``seal`` adds."""
    frame = table.frame()
    answers = answer(model, frame, train_rows)
    return Manifest(
        format=FORMAT,
        name=name,
        version="",
        task=table.task,
        estimator=settings.train.estimator,
        target=table.target_name,
        classes=table.classes,
        features=[
            describe_feature(column, train_rows, settings.data.limits.get(column.name, msgspec.UNSET))
            for column in table.features
        ],
        predictions=(
            count_distribution(answers.predictions, len(table.classes))
            if table.classes
            else number_distribution(answers.predictions)
        ),
        example=_example(table, int(train_rows[0]), model.predict(frame.iloc[train_rows[:1]])),
        metrics=metrics,
        data=Data(source=source, rows=table.rows, fingerprint=table.fingerprint),
        settings=settings.shaping(table.task),
        libraries=provenance.libraries(),
        code=provenance.code_hash(),
        files={},
        search=msgspec.UNSET if found is None else _search(found),
        folds=folds or msgspec.UNSET,
        slices=slices or msgspec.UNSET,
    )


def seal(manifest: Manifest, files: dict[str, bytes]) -> Manifest:
    """Add the hashes of the files, then the version, which is the hash of everything."""
    sealed = msgspec.structs.replace(manifest, files={file: sha256(content) for file, content in files.items()})
    return msgspec.structs.replace(sealed, version=version_of(sealed))


def _search(found: Found) -> Search:
    """The search in a few words."""
    best = found.best
    return Search(
        metric=found.metric,
        mean=best.mean,
        as_set=found.tried[0].mean,
        tried=len(found.tried),
        chosen=best.parameters,
    )


def _example(table: Table, row: int, answers: Answers) -> Example:
    """The row as a request would give it, with the graph's answer."""
    instance: dict[str, float | bool | str | None] = {}
    for column in table.features:
        value: Any = column.values[row]
        if column.missing[row]:
            instance[column.name] = None
        elif column.type == "category":
            instance[column.name] = str(value)
        else:
            instance[column.name] = bool(value) if column.type == "boolean" else float(value)
    if answers.probabilities is None:
        return Example(instance, float(answers.predictions[0]), [])
    return Example(instance, table.classes[int(answers.predictions[0])], answers.probabilities[0].tolist())


def make_release(version: str, gate: Gate) -> Release:
    """What may differ between equal trainings."""
    commit, dirty = provenance.git_state()
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Release(version=version, created=created, git_commit=commit, git_dirty=dirty, gate=gate)
