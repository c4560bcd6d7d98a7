"""From scores to the artifact's outputs, each step as the estimator's own predict and predict_proba take it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.export.graph import DOUBLE, INT64, Graph


@dataclass(frozen=True)
class Decision:
    """What is made of a classifier's scores: see `app.kernel.decision`; no ``scaling`` and no ``costs`` leave them."""

    scaling: Sequence[tuple[float, float]]
    costs: np.ndarray | None


def from_shares(graph: Graph, sums: str, trees: int, classes: int, decision: Decision) -> None:
    """A forest's classes: the mean share of the trees; the first of the largest wins."""
    probabilities = graph.add("Div", sums, graph.constant(float(trees)))
    scores = (
        graph.add("Gather", probabilities, graph.constant([1], np.int64), axis=1) if classes == 2 else probabilities
    )
    _classification(graph, scores, _first_largest(graph, probabilities), probabilities, classes, decision)


def from_log_odds(graph: Graph, scores: str, decision: Decision) -> None:
    """Two classes from one score: the second where it is above 0, with the logistic function as its probability."""
    probabilities = _both(graph, graph.add("Sigmoid", scores))
    above = graph.add("Greater", scores, graph.constant(0.0))
    label = graph.add("Cast", _column(graph, above), to=INT64)
    _classification(graph, scores, label, probabilities, 2, decision)


def from_logits(graph: Graph, scores: str, classes: int, decision: Decision) -> None:
    """More classes: the first of the largest scores wins; probabilities by softmax."""
    probabilities = graph.add("Softmax", scores, axis=1)
    _classification(graph, scores, _first_largest(graph, scores), probabilities, classes, decision)


def quantity(graph: Graph, values: str) -> None:
    """Regression: the only column of ``values``."""
    graph.output("prediction", _column(graph, values), DOUBLE, ["rows"])


def _first_largest(graph: Graph, scores: str) -> str:
    return graph.add("ArgMax", scores, axis=1, keepdims=0)


def _column(graph: Graph, values: str) -> str:
    """``[rows, 1]`` as ``[rows]``."""
    return graph.add("Squeeze", values, graph.constant([1], np.int64))


def _both(graph: Graph, second: str) -> str:
    """Of two classes the probabilities, from that of the second."""
    return graph.add("Concat", graph.add("Sub", graph.constant(1.0), second), second, axis=1)


def _classification(
    graph: Graph, scores: str, label: str, probabilities: str, classes: int, decision: Decision
) -> None:
    """The outputs, after calibration and costs."""
    if decision.scaling:
        probabilities = _calibrated(graph, scores, decision.scaling)
        label = _first_largest(graph, probabilities)
    if decision.costs is not None:
        label = _cheapest(graph, probabilities, decision.costs)
    graph.output("label", label, INT64, ["rows"])
    graph.output("probabilities", probabilities, DOUBLE, ["rows", classes])


def _calibrated(graph: Graph, scores: str, scaling: Sequence[tuple[float, float]]) -> str:
    """`app.kernel.decision.calibrated`."""
    slopes, intercepts = np.array(scaling).T
    scaled = graph.add("Add", graph.add("Mul", scores, graph.constant(slopes)), graph.constant(intercepts))
    found = graph.add("Sigmoid", graph.add("Neg", scaled))
    if len(scaling) == 1:
        return _both(graph, found)
    total = graph.add("ReduceSum", found, graph.constant([1], np.int64), keepdims=1)
    none = graph.add("Equal", total, graph.constant(0.0))
    shares = graph.add("Div", found, graph.add("Where", none, graph.constant(1.0), total))
    return graph.add("Where", none, graph.constant(1 / len(scaling)), shares)


def _cheapest(graph: Graph, probabilities: str, costs: np.ndarray) -> str:
    """`app.kernel.decision.cheapest`, added up in the same order."""
    expected = ""
    for true, row in enumerate(costs):
        share = graph.add("Gather", probabilities, graph.constant([true], np.int64), axis=1)
        part = graph.add("Mul", share, graph.constant(row))
        expected = graph.add("Add", expected, part) if expected else part
    return graph.add("ArgMin", expected, axis=1, keepdims=0)
