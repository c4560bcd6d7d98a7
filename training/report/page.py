"""What the report says: the numbers and plots that its template arranges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from sklearn.inspection import permutation_importance
from sklearn.metrics import accuracy_score, confusion_matrix, r2_score

from app.artifact import Feature, Manifest, Slice
from training.columns import Column
from training.evaluate import LOWER_IS_BETTER
from training.export.runtime import Answers
from training.fitted import Fitted, class_names
from training.report import plots
from training.table import Table

IMPORTANCE_ROWS = 1_000
IMPORTANCE_REPEATS = 5
MAX_PLOTS = 40
MAX_BARS = 25


def render_report(
    manifest: Manifest,
    table: Table,
    fitted: Fitted,
    train_rows: np.ndarray,
    test_rows: np.ndarray,
    answers: Answers,
    baseline: dict[str, float],
    model_sha256: str,
) -> bytes:
    """The page as UTF-8. It is hashed into the version, so it names the model by its file's hash instead."""
    target = table.target[test_rows]
    importance = _importance(fitted, table, test_rows, manifest.settings["split"]["seed"])
    shown = [name for name, _ in importance[:MAX_PLOTS]]
    content: dict[str, Any] = {
        "manifest": manifest,
        "model_sha256": model_sha256,
        "rows": {"train": len(train_rows), "test": len(test_rows), "dropped": table.rows_dropped},
        "metrics": [
            (name, value, baseline.get(name), "lower" if name in LOWER_IS_BETTER else "higher")
            for name, value in manifest.metrics.items()
        ],
        "confusion": _confusion(target, answers.predictions, len(table.classes)) if table.classes else None,
        "calibration": None if answers.probabilities is None else _calibration(target, answers.probabilities, table),
        "costs": _costs(fitted, table),
        "folds": [
            (name, np.mean(values), np.std(values), len(values)) for name, values in (manifest.folds or {}).items()
        ],
        "search": manifest.search or None,
        "slices": _slices(manifest),
        "residuals": None if table.classes else plots.residuals(target, answers.predictions),
        "residual_histogram": None
        if table.classes
        else plots.histogram("residual", answers.predictions - target, "rows", plots.WIDE),
        "importance": plots.bars(
            "Permutation importance",
            [name for name, _ in importance[:MAX_BARS]],
            [value for _, value in importance[:MAX_BARS]],
            "accuracy lost" if table.classes else "R² lost",
            plots.WIDE,
        ),
        "target_plot": _target_plot(table, train_rows),
        "features": [
            (feature, _feature_plot(column, feature, train_rows) if column.name in shown else None)
            for column, feature in zip(table.features, manifest.features, strict=True)
        ],
        "max_plots": MAX_PLOTS,
        "settings": _flatten(manifest.settings),
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(content).encode()


def _importance(fitted: Fitted, table: Table, test_rows: np.ndarray, seed: int) -> list[tuple[str, float]]:
    """How much the score of the held-out rows falls when a feature is shuffled, largest first."""
    rows = test_rows[:IMPORTANCE_ROWS]
    score = accuracy_score if table.classes else r2_score

    def scored(_: Any, frame: Any, target: np.ndarray) -> float:  # the model's answers, which costs may decide
        return float(score(target, fitted.predict(frame)))

    found: Any = permutation_importance(
        fitted.pipeline,
        table.frame().iloc[rows],
        table.target[rows],
        scoring=scored,
        n_repeats=IMPORTANCE_REPEATS,
        random_state=seed,
    )
    means: list[float] = found.importances_mean.tolist()
    named = zip([column.name for column in table.features], means, strict=True)
    return sorted(named, key=lambda pair: -pair[1])


def _calibration(target: np.ndarray, shares: np.ndarray, table: Table) -> dict[str, Any]:
    """How often the second of two classes, or the likeliest of more, is true where its probability is so much."""
    if len(table.classes) == 2:
        said, right, who = shares[:, 1], target == 1, class_names(table)[1]
    else:
        said, right, who = shares.max(axis=1), target == shares.argmax(axis=1), "the likeliest class"
    return {"who": who, "plot": plots.reliability(said, right), "error": plots.calibration_error(said, right)}


def _costs(fitted: Fitted, table: Table) -> list[tuple[str, list[float]]] | None:
    """Per true class what each answer costs."""
    if fitted.costs is None:
        return None
    return list(zip(class_names(table), fitted.costs.tolist(), strict=True))


def _slices(manifest: Manifest) -> list[tuple[str, list[Slice]]]:
    """The slices by column."""
    found: dict[str, list[Slice]] = {}
    for part in manifest.slices or []:
        found.setdefault(part.column, []).append(part)
    return list(found.items())


def _confusion(target: np.ndarray, predictions: np.ndarray, classes: int) -> list[list[tuple[int, float]]]:
    """Per true class: for each predicted class the count and its share of the true class."""
    counts: np.ndarray = confusion_matrix(target, predictions, labels=np.arange(classes))
    totals = np.maximum(counts.sum(axis=1), 1)
    return [
        [(count, count / total) for count in row] for row, total in zip(counts.tolist(), totals.tolist(), strict=True)
    ]


def _target_plot(table: Table, rows: np.ndarray) -> str:
    """How often each class, or which values of the quantity, occur in the training rows."""
    values = table.target[rows]
    if not table.classes:
        return plots.histogram(table.target_name, values, "rows")
    counts = np.bincount(values, minlength=len(table.classes)).tolist()
    labels = [str(name) for name in table.classes]
    return plots.bars(table.target_name, labels[:MAX_BARS], counts[:MAX_BARS], "rows")


def _feature_plot(column: Column, feature: Feature, rows: np.ndarray) -> str | None:
    """The feature in the training rows; None where it has no value there."""
    values, missing = column.exact(rows), column.missing[rows]
    if missing.all():
        return None
    if column.type == "number":
        return plots.histogram(column.name, values[~missing], "rows")
    labels = ["false", "true"] if column.type == "boolean" else feature.categories
    return plots.bars(column.name, labels[:MAX_BARS], feature.distribution.counts[:MAX_BARS], "rows")


def _flatten(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings as dotted keys in order."""
    pairs: list[tuple[str, Any]] = []
    for key, value in sorted(tree.items()):
        name = f"{prefix}{key}"
        pairs += _flatten(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return pairs
