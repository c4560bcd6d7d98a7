"""From scores to the artifact's outputs, each step as the estimator's own predict and predict_proba take it."""

from __future__ import annotations

import numpy as np

from training.export.graph import DOUBLE, INT64, Graph


def from_shares(graph: Graph, sums: str, trees: int, classes: int) -> None:
    """A forest's classes: the mean share of the trees; the first of the largest wins."""
    probabilities = graph.add("Div", sums, graph.constant(float(trees)))
    _classification(graph, _first_largest(graph, probabilities), probabilities, classes)


def from_log_odds(graph: Graph, scores: str) -> None:
    """Two classes from one score: the second where it is above 0, with the logistic function as its probability."""
    second = graph.add("Sigmoid", scores)
    first = graph.add("Sub", graph.constant(1.0), second)
    above = graph.add("Greater", scores, graph.constant(0.0))
    label = graph.add("Cast", _column(graph, above), to=INT64)
    _classification(graph, label, graph.add("Concat", first, second, axis=1), 2)


def from_logits(graph: Graph, scores: str, classes: int) -> None:
    """More classes: the first of the largest scores wins; probabilities by softmax."""
    _classification(graph, _first_largest(graph, scores), graph.add("Softmax", scores, axis=1), classes)


def quantity(graph: Graph, values: str) -> None:
    """Regression: the only column of ``values``."""
    graph.output("prediction", _column(graph, values), DOUBLE, ["rows"])


def _first_largest(graph: Graph, scores: str) -> str:
    return graph.add("ArgMax", scores, axis=1, keepdims=0)


def _column(graph: Graph, values: str) -> str:
    """``[rows, 1]`` as ``[rows]``."""
    return graph.add("Squeeze", values, graph.constant([1], np.int64))


def _classification(graph: Graph, label: str, probabilities: str, classes: int) -> None:
    graph.output("label", label, INT64, ["rows"])
    graph.output("probabilities", probabilities, DOUBLE, ["rows", classes])
