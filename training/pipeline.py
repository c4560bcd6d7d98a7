"""One training: ingest → split → validate → search → train → export → evaluate → report → gate → publish."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from app.artifact import MODEL, REPORT, FeatureType, Gate, Manifest, load_manifest, sha256
from app.kernel.packed import TREES, encode
from training.champion import measure_champion
from training.cross_validation import check_folds, cross_validate
from training.estimators import fit_model
from training.evaluate import baseline_answers, evaluate
from training.export.convert import convert
from training.export.pack import pack
from training.export.prove import prove
from training.export.runtime import Model, Trees, answer
from training.gate import judge
from training.ingest import snapshot
from training.ingest.read import read
from training.manifest import make_manifest, make_release, seal
from training.paired import describe
from training.progress import Progress
from training.publish import load_release, locked, promote, write_version
from training.registry.clerk import Clerk
from training.remote import Remote
from training.report import render_report
from training.retrain import Retraining, known_version
from training.scoring import scoring
from training.search import search
from training.settings import Settings
from training.slices import check_slices, measure_slices
from training.split import split_rows
from training.table import build_table
from training.told import tell_table
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
        tell_table(ingested, table, settings, progress)
        metric = settings.gate.of(table.task).metric
        scoring(metric, table, settings.train)  # what is set wrong is better known before hours of training
        check_slices(table, settings.slices)
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
    check_folds(table, train_rows, settings)
    found, folds = None, {}
    if settings.search.candidates:
        with progress.stage("search"):
            found = search(table, train_rows, settings, progress)
    chosen = found.best.parameters if found else {}
    if settings.train.cross_validate:
        with progress.stage("cross-validate"):
            folds = cross_validate(table, train_rows, settings, chosen, progress)
    frame = table.frame()
    with progress.stage("train"):
        fitted, warnings = fit_model(table, train_rows, settings.train, settings.split, chosen)
        progress.say(" ".join(f"{settings.train.estimator}: {fitted.estimator!r}".split()))
        for warning in warnings:
            progress.warn(warning)
    with progress.stage("export"):
        content = convert(fitted, table)
        features: dict[str, FeatureType] = {column.name: column.type for column in table.features}
        model = Model(content, features)
        ensemble = pack(fitted, table)
        packed = {} if ensemble is None else {TREES: encode(ensemble)}
        trees = [Trees(file, features, [column.categories for column in table.texts]) for file in packed.values()]
        tried = prove(fitted, model, table, *trees)
        sizes = [f"ONNX graph of {len(content):,} bytes", *(f"trees of {len(file):,}" for file in packed.values())]
        progress.say(f"{' and '.join(sizes)}, equal to scikit-learn on {tried:,} rows")
    with progress.stage("evaluate"):
        test_target = table.target[test_rows]
        answers = answer(model, frame, test_rows)
        metrics = evaluate(answers, test_target, len(table.classes), fitted.costs)
        reference = baseline_answers(
            table.target[train_rows], len(test_rows), table.task, len(table.classes), fitted.costs
        )
        baseline = evaluate(reference, test_target, len(table.classes), fitted.costs)
        for key, value in metrics.items():
            progress.say(f"{key:<18}{value:10.4f}   without features {baseline.get(key, float('nan')):10.4f}")
        slices = measure_slices(table, test_rows, answers, fitted.costs, settings.slices)
        for part in slices:
            values = ", ".join(f"{key} {value:.4f}" for key, value in part.metrics.items())
            progress.say(f"{part.column} {part.value}: {part.rows} rows, {values}")
    with progress.stage("report"):
        manifest = make_manifest(settings, name, source, table, train_rows, model, metrics, found, folds, slices)
        report = render_report(manifest, table, fitted, train_rows, test_rows, answers, baseline, sha256(content))
        files = {MODEL: content, REPORT: report, **packed}
        manifest = seal(manifest, files)
    with progress.stage("publish"), locked(artifacts / name):
        clerk.meet()
        champion = measure_champion(artifacts / name, table, test_rows, settings.split, answers, metric, fitted.costs)
        if champion is not None and champion.note:
            progress.say(f"current model {champion.version}: {champion.note}")
        if champion is not None and champion.comparison is not None:
            progress.say(f"against it: {describe(champion.comparison)}")
        gate = judge(name, table.task, metrics, baseline, champion, settings.gate, slices, settings.slices)
        new = retraining is None or not clerk.knows(manifest.version)
        promoted = gate.passed and (retraining is None or (retraining.promote and new))
        clerk.note(manifest.version, gate, promoted)
        directory = write_version(artifacts / name, manifest, files, make_release(manifest.version, gate))
        moved = promoted and promote(artifacts / name, manifest.version)
        clerk.tell(directory, promoted)
    return Outcome(directory, manifest, gate, moved, new)
