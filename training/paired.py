"""A paired test: do two models differ on the same rows by more than chance?

Class labels: McNemar's test in its exact form, on the rows that one model alone answers rightly (McNemar 1947,
Psychometrika 12, 153-157; recommended for a single held-out set by Dietterich 1998, Neural Computation 10, 1895-1923).
It compares the share of right answers, also where the gate's metric weighs classes or ranks. Losses per row (log loss,
costs, squared and absolute errors): Student's paired t-test on their differences, which for independent rows is the
test of Diebold and Mariano (1995, Journal of Business & Economic Statistics 13, 253-263).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from app.artifact import Comparison
from training.export.runtime import Answers

_LEAST_PROBABILITY = np.finfo(np.float64).eps  # as scikit-learn's log_loss has it


def paired_test(
    metric: str, target: np.ndarray, champion: Answers, challenger: Answers, costs: np.ndarray | None = None
) -> Comparison:
    """Compare two models' answers to the rows of ``target``, all of shape ``[rows]``, in what ``metric`` measures.

    ``costs``, ``[true class, answer]``, are those of the metric ``cost``.
    """
    if metric in ("log_loss", "r2", "mae", "rmse") or (metric == "cost" and costs is not None):
        gains = _losses(metric, target, champion, costs) - _losses(metric, target, challenger, costs)
        name, p_value = "paired t-test", _t_test(gains)
    else:
        gains = (challenger.predictions == target).astype(int) - (champion.predictions == target)
        name, p_value = "McNemar's exact test", _mcnemar(gains)
    better, worse = int((gains > 0).sum()), int((gains < 0).sum())
    return Comparison(test=name, rows=len(target), better=better, worse=worse, p_value=p_value)


def describe(comparison: Comparison) -> str:
    """A comparison in words."""
    return (
        f"better on {comparison.better} and worse on {comparison.worse} of {comparison.rows} held-out rows, "
        f"p = {comparison.p_value:.3g} ({comparison.test})"
    )


def _losses(metric: str, target: np.ndarray, answers: Answers, costs: np.ndarray | None) -> np.ndarray:
    """What each row costs; r2 and rmse both order models by their squared errors."""
    if metric == "cost" and costs is not None:
        return costs[target, answers.predictions]
    if answers.probabilities is not None:
        told = answers.probabilities[np.arange(len(target)), target]
        return -np.log(np.clip(told, _LEAST_PROBABILITY, 1))
    errors = np.abs(answers.predictions - target)
    return errors if metric == "mae" else errors**2


def _mcnemar(gains: np.ndarray) -> float:
    """The p-value that among the rows which one model alone got right, both have the same share."""
    differing = np.count_nonzero(gains)
    return float(stats.binomtest(int((gains > 0).sum()), differing).pvalue) if differing else 1.0


def _t_test(gains: np.ndarray) -> float:
    """The p-value that the mean gain is zero. Differences without spread have none: they are zero, or not."""
    if np.ptp(gains) == 0:
        return float(gains[0] == 0)
    result: Any = stats.ttest_1samp(gains, 0.0)
    return float(result.pvalue)
