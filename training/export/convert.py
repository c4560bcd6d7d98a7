"""A fitted model as the artifact's graph."""

from __future__ import annotations

from typing import Any

from training.errors import ExportError
from training.export import answers, linear, preprocess, trees
from training.export.answers import Decision
from training.export.graph import Graph
from training.fitted import Fitted
from training.table import Table


def convert(fitted: Fitted, table: Table) -> bytes:
    """The ONNX model with the inputs and outputs that ``app.artifact`` describes.

    Raises ExportError for an estimator that it has no exact form of.
    """
    estimator = fitted.estimator
    decision = Decision(fitted.scaling, fitted.costs)
    graph = Graph()
    numbers = preprocess.numbers_input(graph, table.numbers)
    if hasattr(estimator, "coef_") and numbers:
        scaling = fitted.columns.named_transformers_["numbers"]
        numbers = [preprocess.scale_numbers(graph, numbers[0], scaling)]
    features = preprocess.concatenate(graph, numbers + preprocess.encode_texts(graph, table.texts))
    if hasattr(estimator, "estimators_"):
        _forest(graph, features, estimator, len(table.classes), decision)
    elif hasattr(estimator, "coef_"):
        _scores(graph, linear.decision(graph, features, estimator), len(table.classes), decision)
    else:
        _boosting(graph, features, estimator, len(table.classes), decision)
    return graph.to_bytes()


def _forest(graph: Graph, features: str, forest: Any, classes: int, decision: Decision) -> None:
    """A random forest: the mean of its trees."""
    fitted = trees.forest_trees(forest)
    rounded = preprocess.round_to_float32(graph, features)
    sums = trees.sum_trees(graph, rounded, fitted, max(classes, 1))
    if classes:
        answers.from_shares(graph, sums, len(fitted), classes, decision)
    else:
        answers.quantity(graph, graph.add("Div", sums, graph.constant(float(len(fitted)))))


def _boosting(graph: Graph, features: str, boosting: Any, classes: int, decision: Decision) -> None:
    """A histogram gradient boosting: the sum of its trees through the inverse link of its loss."""
    scores = trees.sum_trees(graph, features, trees.boosting_trees(boosting), boosting.n_trees_per_iteration_)
    link = type(boosting._loss.link).__name__
    if classes:
        _scores(graph, scores, classes, decision)
    elif link == "LogLink":
        answers.quantity(graph, graph.add("Exp", scores))
    elif link == "IdentityLink":
        answers.quantity(graph, scores)
    else:
        raise ExportError(f"boosting with the loss '{boosting.loss}' has no exact export; choose another loss")


def _scores(graph: Graph, scores: str, classes: int, decision: Decision) -> None:
    """Scores as answers: of two classes, of more, or the quantity itself."""
    if classes == 2:
        answers.from_log_odds(graph, scores, decision)
    elif classes:
        answers.from_logits(graph, scores, classes, decision)
    else:
        answers.quantity(graph, scores)
