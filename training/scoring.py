"""How a candidate of a search is scored: the gate's metric as scikit-learn knows it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import make_scorer

from training.errors import SettingsError
from training.fitted import class_names, cost_matrix
from training.table import Table
from training.train_settings import TrainSettings

_NAMES = {
    "log_loss": "neg_log_loss",
    "roc_auc": "roc_auc_ovr",
    "mae": "neg_mean_absolute_error",
    "rmse": "neg_root_mean_squared_error",
}


def scoring(metric: str, table: Table, settings: TrainSettings) -> Any:
    """scikit-learn's name of the metric, or a scorer.

    Raises SettingsError for costs of classes that do not exist, and for the metric ``cost`` without any.
    """
    costs = cost_matrix(table, settings.costs)
    if metric != "cost":
        return _NAMES.get(metric, metric)
    if costs is None:
        raise SettingsError(
            'setting gate.classification.metric = "cost": [train.costs] says nothing; the classes are '
            + ", ".join(class_names(table))
        )
    return make_scorer(_mean_cost, greater_is_better=False, response_method="predict_proba", costs=costs)


# A cluster's workers get this function with the call, since they may not have this code: it uses NumPy alone.
def _mean_cost(target: np.ndarray, probabilities: np.ndarray, costs: np.ndarray) -> float:
    """The mean cost of the cheapest answers; of two classes scikit-learn hands over the second's probability."""
    both = probabilities if probabilities.ndim == 2 else np.stack([1 - probabilities, probabilities], axis=1)
    return float(costs[target, (both @ costs).argmin(axis=1)].mean())
