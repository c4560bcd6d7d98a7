"""Evaluate: the metrics of the held-out rows, for the exported graph and for a predictor that ignores the features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn import metrics

from app.kernel.decision import cheapest
from training.export.runtime import Answers
from training.train_settings import Task

LOWER_IS_BETTER = frozenset({"log_loss", "cost", "mae", "rmse"})


def evaluate(answers: Answers, target: np.ndarray, classes: int, costs: np.ndarray | None = None) -> dict[str, float]:
    """The metrics of ``answers`` against ``target``; what the rows do not define (such as one class only) is left out.

    Classification: accuracy, balanced_accuracy, f1_macro, log_loss (nats), roc_auc (one against the rest, macro), and
    cost (mean per row) where there are ``costs``, ``[true class, answer]``.
    Regression: r2, mae and rmse in units of the target.
    """
    found = (
        _quantities(answers.predictions, target)
        if answers.probabilities is None
        else _classes(answers.predictions, answers.probabilities, target, classes)
    )
    if costs is not None:
        found["cost"] = costs[target, answers.predictions].mean()
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def baseline_answers(
    train_target: np.ndarray, rows: int, task: Task, classes: int, costs: np.ndarray | None = None
) -> Answers:
    """The predictor that ignores the features: the most frequent class with the classes' shares, or the mean.

    With ``costs`` it answers the class that is cheapest for those shares.
    """
    if task == "regression":
        return Answers(np.full(rows, train_target.mean()), None)
    shares = np.bincount(train_target, minlength=classes) / len(train_target)
    always = shares.argmax() if costs is None else cheapest(shares[None], costs)[0]
    return Answers(np.full(rows, always), np.tile(shares, (rows, 1)))


def improvement(metric: str, value: float, reference: float) -> float:
    """By how much ``value`` is better than ``reference``, in units of the metric; negative where it is worse."""
    return reference - value if metric in LOWER_IS_BETTER else value - reference


def _quantities(predictions: np.ndarray, target: np.ndarray) -> dict[str, float]:
    return {
        "r2": metrics.r2_score(target, predictions) if np.ptp(target) > 0 else math.nan,
        "mae": metrics.mean_absolute_error(target, predictions),
        "rmse": metrics.root_mean_squared_error(target, predictions),
    }


def _classes(labels: np.ndarray, probabilities: np.ndarray, target: np.ndarray, classes: int) -> dict[str, float]:
    present = np.unique(target)  # a class without a held-out row has no recall to average
    averaged: Any = {"labels": present, "average": "macro", "zero_division": 0}
    found = {
        "accuracy": metrics.accuracy_score(target, labels),
        "balanced_accuracy": metrics.recall_score(target, labels, **averaged),
        "f1_macro": metrics.f1_score(target, labels, **averaged),
        "log_loss": metrics.log_loss(target, probabilities, labels=np.arange(classes)),
    }
    if len(present) == classes:
        scores = probabilities[:, 1] if classes == 2 else probabilities
        found["roc_auc"] = metrics.roc_auc_score(target, scores, multi_class="ovr")
    return found
