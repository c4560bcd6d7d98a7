"""Cross-validation: how the metrics of equally made models scatter over folds of the rows to train on."""

from __future__ import annotations

import numpy as np

from training.estimators import check_classes, fit_model
from training.evaluate import evaluate
from training.export.runtime import Answers
from training.progress import Progress
from training.settings import Settings
from training.split import make_folds
from training.table import Table


def check_folds(table: Table, rows: np.ndarray, settings: Settings) -> None:
    """Make each fold that search, cross-validation and calibration will need, to refuse them before the hours of work.

    Raises DataError where the rows do not allow them.
    """
    train, split = settings.train, settings.split
    calibrated = bool(table.classes) and train.calibration != "none"
    taught = [rows]
    if train.cross_validate or settings.search.candidates:
        outer = [rows[learnt] for learnt, _ in make_folds(table, rows, split, train.folds)]
        taught += outer if train.cross_validate else []
        for part in outer:
            check_classes(table, part)
    for part in taught if calibrated else []:
        for learnt, _ in make_folds(table, part, split, train.folds, cover=True):
            check_classes(table, part[learnt])


def cross_validate(
    table: Table, rows: np.ndarray, settings: Settings, chosen: dict[str, object], progress: Progress
) -> dict[str, list[float]]:
    """Each metric's values, fold by fold, of models that are made of ``rows`` as the one that serves.

    Where parameters were ``chosen`` by a search over the same rows, the values are a little too good.
    """
    parts = make_folds(table, rows, settings.split, settings.train.folds)
    frame = table.frame()
    found: dict[str, list[float]] = {}
    with progress.bar("folds", len(parts)) as advance:
        for learnt, judged in parts:
            fitted, _ = fit_model(table, rows[learnt], settings.train, settings.split, chosen)
            features = frame.iloc[rows[judged]]
            answers = Answers(fitted.predict(features), fitted.probabilities(features))
            values = evaluate(answers, table.target[rows[judged]], len(table.classes), fitted.costs)
            for metric, value in values.items():
                found.setdefault(metric, []).append(value)
            advance(1)
    for metric, values in found.items():
        progress.say(f"{metric:<18}{np.mean(values):10.4f} ± {np.std(values):.4f} over {len(values)} folds")
    return found
