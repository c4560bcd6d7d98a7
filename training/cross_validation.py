"""Cross-validation: how the metrics of equally made models scatter over folds of the rows to train on."""

from __future__ import annotations

import numpy as np

from training.estimators import fit_model
from training.evaluate import evaluate
from training.export.runtime import Answers
from training.progress import Progress
from training.settings import Settings
from training.split import make_folds
from training.table import Table


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
