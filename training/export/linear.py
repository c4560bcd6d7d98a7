"""The answers of linear models, in float64 and in scikit-learn's order of operations."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.export.graph import Graph


def decision(graph: Graph, features: str, estimator: Any) -> str:
    """``features @ coef.T + intercept``: float64 ``[rows, scores]``."""
    coefficients = np.atleast_2d(estimator.coef_)
    product = graph.add("MatMul", features, graph.constant(coefficients.T))
    return graph.add("Add", product, graph.constant(np.ravel(estimator.intercept_)))
