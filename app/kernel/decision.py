"""From a classifier's scores to its answer, where more than the largest probability decides: calibration and costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def calibrated(scores: NDArray[np.float64], scaling: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Probabilities ``[rows, classes]`` by a logistic function of each class's score, its (slope, intercept) in order.

    Of two classes ``scores`` has one column, which is the second's. Platt 1999, "Probabilistic outputs for support
    vector machines"; of more classes each against the others, then made to add up to 1, as scikit-learn has it.
    """
    slopes, intercepts = np.array(scaling).T
    with np.errstate(over="ignore"):  # far from the middle the probability is 0
        found = 1.0 / (1.0 + np.exp(slopes * scores + intercepts))
    if len(scaling) == 1:
        return np.concatenate([1.0 - found, found], axis=1)
    total = np.add.reduce(found, axis=1, keepdims=True)
    return np.divide(found, total, out=np.full_like(found, 1 / len(scaling)), where=total != 0)


def cheapest(probabilities: NDArray[np.float64], costs: Any) -> NDArray[np.int64]:
    """The answer of the least expected cost, the first of equal ones; ``costs`` is ``[true class, answer]``.

    Elkan 2001, "The foundations of cost-sensitive learning". The costs are added up class by class, in this order, so
    that every runtime comes to the same sums.
    """
    matrix = np.asarray(costs, dtype=np.float64)
    expected = probabilities[:, :1] * matrix[0]
    for true in range(1, len(matrix)):
        expected = expected + probabilities[:, true : true + 1] * matrix[true]
    return expected.argmin(axis=1)
