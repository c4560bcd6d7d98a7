"""How a candidate of a search is scored: by the gate's metric, as the held-out rows are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.metrics import make_scorer
from sklearn.model_selection import cross_val_score
from threadpoolctl import threadpool_limits

from app.kernel.decision import cheapest
from training.errors import SettingsError
from training.evaluate import evaluate
from training.export.runtime import Answers
from training.fitted import class_names, cost_matrix
from training.table import Table
from training.train_settings import TrainSettings


def scoring(metric: str, table: Table, settings: TrainSettings) -> Any:
    """scikit-learn's scorer for the metric, in the metric's own sign; NaN where the rows do not define it.

    Raises SettingsError for costs of classes that do not exist, and for the metric ``cost`` without any.
    """
    costs = cost_matrix(table, settings.costs)
    if metric == "cost" and costs is None:
        raise SettingsError(
            'setting gate.classification.metric = "cost": [train.costs] says nothing; the classes are '
            + ", ".join(class_names(table))
        )
    if not table.classes:
        return make_scorer(_of_quantities, metric=metric)
    count = len(table.classes)
    return make_scorer(_of_classes, response_method="predict_proba", metric=metric, costs=costs, classes=count)


# The threads of a search, and a cluster's workers, know nothing of the limit that a training sets on OpenMP.
def trial(model: Any, frame: Any, target: np.ndarray, part: tuple[np.ndarray, np.ndarray], score: Any) -> float:
    """The score of ``model`` on one fold; what scikit-learn refuses is raised."""
    refused: Any = "raise"
    with threadpool_limits(limits=1):
        return float(cross_val_score(model, frame, target, scoring=score, cv=[part], error_score=refused)[0])


def _of_quantities(target: np.ndarray, predictions: np.ndarray, metric: str) -> float:
    """A regressor's metric."""
    return evaluate(Answers(predictions, None), target, 0).get(metric, math.nan)


def _of_classes(
    target: np.ndarray, probabilities: np.ndarray, metric: str, costs: np.ndarray | None, classes: int
) -> float:
    """A classifier's metric; of two classes scikit-learn hands over the second's probability."""
    both = probabilities if probabilities.ndim == 2 else np.stack([1 - probabilities, probabilities], axis=1)
    answers = both.argmax(axis=1) if costs is None else cheapest(both, costs)
    return evaluate(Answers(answers, both), target, classes, costs).get(metric, math.nan)
