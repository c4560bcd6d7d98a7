"""What the report says: the numbers and plots that its template arranges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from sklearn.inspection import permutation_importance
from sklearn.metrics import confusion_matrix
from sklearn.pipeline import Pipeline

from app.artifact import Feature, Manifest
from training.columns import Column
from training.evaluate import LOWER_IS_BETTER
from training.export.runtime import Answers
from training.report import plots
from training.table import Table

IMPORTANCE_ROWS = 1_000
IMPORTANCE_REPEATS = 5
MAX_PLOTS = 40
MAX_BARS = 25


def render_report(
    manifest: Manifest,
    table: Table,
    pipeline: Pipeline,
    train_rows: np.ndarray,
    test_rows: np.ndarray,
    answers: Answers,
    baseline: dict[str, float],
    model_sha256: str,
) -> bytes:
    """The page as UTF-8. It is hashed into the version, so it names the model by its file's hash instead."""
    target = table.target[test_rows]
    importance = _importance(pipeline, table, test_rows, manifest.settings["split"]["seed"])
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


def _importance(pipeline: Pipeline, table: Table, test_rows: np.ndarray, seed: int) -> list[tuple[str, float]]:
    """How much the score of the held-out rows falls when a feature is shuffled, largest first."""
    rows = test_rows[:IMPORTANCE_ROWS]
    found: Any = permutation_importance(
        pipeline,
        table.frame().iloc[rows],
        table.target[rows],
        scoring="accuracy" if table.classes else "r2",
        n_repeats=IMPORTANCE_REPEATS,
        random_state=seed,
    )
    means: list[float] = found.importances_mean.tolist()
    named = zip([column.name for column in table.features], means, strict=True)
    return sorted(named, key=lambda pair: -pair[1])


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
