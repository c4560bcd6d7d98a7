"""One training: ingest → split → validate → train → export → evaluate → report → gate → publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from app.artifact import (
    FORMAT,
    MODEL,
    REPORT,
    Data,
    Example,
    FeatureType,
    Gate,
    Manifest,
    Release,
    load_manifest,
    sha256,
    version_of,
)
from app.kernel.packed import TREES, encode
from training import provenance
from training.champion import measure_champion
from training.distributions import count_distribution, describe_feature, number_distribution
from training.estimators import build_pipeline, fit
from training.evaluate import baseline_answers, evaluate
from training.export.convert import convert
from training.export.pack import pack
from training.export.prove import prove
from training.export.runtime import Answers, Model, Trees, answer
from training.gate import judge
from training.ingest import snapshot
from training.ingest.read import Ingested, read
from training.ingest.source import shown
from training.paired import describe
from training.progress import Progress
from training.publish import load_release, locked, promote, write_version
from training.registry.clerk import Clerk
from training.remote import Remote
from training.report import render_report
from training.retrain import Retraining, known_version
from training.settings import Settings
from training.split import split_rows
from training.table import Table, build_table
from training.validate.check import validate


@dataclass(frozen=True)
class Outcome:
    """What a training left behind: the version's directory, the verdict, and whether the pointer moved to it.

    ``new`` is false where a retraining found nothing to learn: the version was there before.
    """

    directory: Path
    manifest: Manifest
    gate: Gate
    moved: bool
    new: bool = True


# Sums must not depend on the number of cores, and OpenMP's spinning threads make a busy machine many times slower.
@threadpool_limits.wrap(limits=1)
def train(
    settings: Settings,
    name: str,
    artifacts: Path,
    progress: Progress,
    store: str | None = None,
    retraining: Retraining | None = None,
) -> Outcome:
    """Run a training and publish its version under ``artifacts/name``, and in the object store at the URL ``store``.

    A ``retraining`` ends before the model is fitted where that would give a version which is there already.

    Raises TrainingError for what the caller can mend and ExportError where the graph disagrees with scikit-learn; in
    both cases nothing is published. A version that the gate refuses is written, but the pointer stays.
    """
    remote = Remote(store, name) if store else None
    if remote is not None:
        remote.reach()
    clerk = Clerk(settings.registry, artifacts, name, progress, remote, begin=retraining is not None)
    with progress.stage("ingest"):
        ingested = read(settings.data, artifacts / name)
        table = build_table(ingested.frame, settings.data)
        _describe(ingested, table, settings, progress)
        if settings.data.snapshot and ingested.worth_keeping:
            kept = snapshot.keep(artifacts / name, ingested.frame, table.fingerprint, ingested.name)
            progress.say(f"snapshot {kept}")
        source = ingested.name
        del ingested  # its texts and float64 numbers stand in the table a second time
    if retraining is not None:
        with progress.stage("look back"), locked(artifacts / name):
            clerk.meet()
            known = known_version(artifacts / name, source, table, settings)
        if known is not None:
            return Outcome(known, load_manifest(known), load_release(known).gate, moved=False, new=False)
    with progress.stage("split"):
        train_rows, test_rows = split_rows(table, settings.split)
        progress.say(f"{len(train_rows)} rows to train on, {len(test_rows)} held out")
    with progress.stage("validate"):
        validate(table, test_rows, settings, name, artifacts, progress)
    frame = table.frame()
    with progress.stage("train"):
        pipeline = build_pipeline(table, settings.train, settings.split.seed)
        warnings = fit(pipeline, frame, table.target[train_rows], settings.train, table.task, train_rows)
        progress.say(f"{settings.train.estimator}: {pipeline.named_steps['estimator']!r}".replace("\n", " "))
        for warning in warnings:
            progress.warn(warning)
    with progress.stage("export"):
        content = convert(pipeline, table)
        features: dict[str, FeatureType] = {column.name: column.type for column in table.features}
        model = Model(content, features)
        ensemble = pack(pipeline, table)
        packed = {} if ensemble is None else {TREES: encode(ensemble)}
        trees = [Trees(file, features, [column.categories for column in table.texts]) for file in packed.values()]
        tried = prove(pipeline, model, table, *trees)
        sizes = [f"ONNX graph of {len(content):,} bytes", *(f"trees of {len(file):,}" for file in packed.values())]
        progress.say(f"{' and '.join(sizes)}, equal to scikit-learn on {tried:,} rows")
    with progress.stage("evaluate"):
        test_target = table.target[test_rows]
        answers = answer(model, frame, test_rows)
        metrics = evaluate(answers, test_target, len(table.classes))
        reference = baseline_answers(table.target[train_rows], len(test_rows), table.task, len(table.classes))
        baseline = evaluate(reference, test_target, len(table.classes))
        for metric, value in metrics.items():
            progress.say(f"{metric:<18}{value:10.4f}   without features {baseline.get(metric, float('nan')):10.4f}")
    with progress.stage("report"):
        manifest = _manifest(settings, name, source, table, train_rows, model, metrics)
        report = render_report(manifest, table, pipeline, train_rows, test_rows, answers, baseline, sha256(content))
        files = {MODEL: content, REPORT: report, **packed}
        manifest = _seal(manifest, files)
    with progress.stage("publish"), locked(artifacts / name):
        clerk.meet()
        metric = (settings.gate.classification if table.classes else settings.gate.regression).metric
        champion = measure_champion(artifacts / name, table, test_rows, settings.split, answers, metric)
        if champion is not None and champion.note:
            progress.say(f"current model {champion.version}: {champion.note}")
        if champion is not None and champion.comparison is not None:
            progress.say(f"against it: {describe(champion.comparison)}")
        gate = judge(name, table.task, metrics, baseline, champion, settings.gate)
        new = retraining is None or not clerk.knows(manifest.version)
        promoted = gate.passed and (retraining is None or (retraining.promote and new))
        clerk.note(manifest.version, gate, promoted)
        directory = write_version(artifacts / name, manifest, files, _release(manifest.version, gate))
        moved = promoted and promote(artifacts / name, manifest.version)
        clerk.tell(directory, promoted)
    return Outcome(directory, manifest, gate, moved, new)


def _describe(ingested: Ingested, table: Table, settings: Settings, progress: Progress) -> None:
    """Say what was read and decided about the columns."""
    progress.say(f"{len(ingested.frame)} rows and {len(table.columns)} columns from {shown(settings.data.source)}")
    for note in ingested.notes:
        progress.warn(note)
    how = "as its values suggest" if settings.data.task == "auto" else "as set"
    names = ", ".join(map(str, table.classes[:10])) + (", …" if len(table.classes) > 10 else "")
    goal = f"{len(table.classes)} classes: {names}" if table.classes else "a quantity"
    progress.say(f"target   {table.target_name}: {table.task}, {how} ({goal})")
    if table.rows_dropped:
        progress.warn(f"{table.rows_dropped} rows without a '{table.target_name}' are left out")
    for column in table.features:
        kind = f"{column.type}, {len(column.categories)} distinct" if column.type == "category" else column.type
        gaps = int(column.missing.sum())
        how = ", as declared" if column.name in settings.data.types else ""
        progress.say(f"feature  {column.name}: {kind}{how}" + (f", {gaps} gaps" if gaps else ""))
    for name in table.ids:
        progress.say(f"id       {name}: " + ("as declared" if name in settings.data.id else "its name says so"))
    if table.timestamp:
        progress.say(f"moment   {table.timestamp}: not learnt from")
    for name in settings.data.ignore:
        progress.say(f"ignored  {name}")


def _manifest(
    settings: Settings,
    name: str,
    source: str,
    table: Table,
    train_rows: np.ndarray,
    model: Model,
    metrics: dict[str, float],
) -> Manifest:
    """All of the manifest but the files' hashes and the version, which ``_seal`` adds."""
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
    )


def _seal(manifest: Manifest, files: dict[str, bytes]) -> Manifest:
    """Add the hashes of the files, then the version, which is the hash of everything."""
    sealed = msgspec.structs.replace(manifest, files={file: sha256(content) for file, content in files.items()})
    return msgspec.structs.replace(sealed, version=version_of(sealed))


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


def _release(version: str, gate: Gate) -> Release:
    """What may differ between equal trainings."""
    commit, dirty = provenance.git_state()
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Release(version=version, created=created, git_commit=commit, git_dirty=dirty, gate=gate)
