"""What training proves before it publishes: a graph that differs anywhere near a threshold is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import numpy_helper
from rich.console import Console

from tests.training.tables import read_iris
from training import pipeline as training_pipeline
from training.errors import ExportError
from training.export.prove import proof_rows, prove
from training.export.runtime import Model
from training.progress import Progress
from training.settings import load_settings

ROUNDS = "train.hist_gradient_boosting.max_iter=20"
STUMPS = ("train.random_forest.max_depth=1", "train.hist_gradient_boosting.max_depth=1", ROUNDS)
Change = Callable[[np.ndarray], np.ndarray]


def tampered(content: bytes, attribute: str, change: Change) -> bytes:
    """The model with one tensor of its TreeEnsemble changed."""
    model = onnx.load_from_string(content)
    node = next(node for node in model.graph.node if node.op_type == "TreeEnsemble")
    tensor = next(a for a in node.attribute if a.name == attribute).t
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor).copy()), tensor.name))
    return model.SerializeToString()


def next_up(splits: np.ndarray) -> np.ndarray:
    """One split moved by one ulp of float32, so that a single number goes astray."""
    splits[-1] = np.nextafter(np.float32(splits[-1]), np.float32(np.inf))
    return splits


def next_up_double(splits: np.ndarray) -> np.ndarray:
    splits[-1] = np.nextafter(splits[-1], np.inf)
    return splits


def heavier(weights: np.ndarray) -> np.ndarray:
    weights[len(weights) // 2] += 0.01
    return weights


@pytest.mark.parametrize("estimator", ["random_forest", "hist_gradient_boosting", "linear"])
def test_an_exact_graph_is_proven_on_the_data_and_more(estimator: str, fitted: Callable[..., Any]) -> None:
    made = fitted(read_iris(), "species", estimator, ROUNDS)
    tried = prove(made.fitted, made.model, made.table)
    assert tried > 150 + 2000 - 1


@pytest.mark.parametrize(
    ("estimator", "attribute", "change"),
    [
        ("random_forest", "nodes_splits", next_up),
        ("random_forest", "leaf_weights", heavier),
        ("hist_gradient_boosting", "nodes_splits", next_up_double),
        ("hist_gradient_boosting", "leaf_weights", heavier),
    ],
)
def test_a_split_off_by_one_ulp_or_a_leaf_off_by_a_hundredth_is_refused_with_the_count(
    estimator: str, attribute: str, change: Change, fitted: Callable[..., Any]
) -> None:
    made = fitted(read_iris(), "species", estimator, *STUMPS)  # every split of a stump changes the answer
    altered = Model(
        tampered(made.content, attribute, change), {column.name: column.type for column in made.table.features}
    )
    with pytest.raises(ExportError, match=r"disagrees with scikit-learn on [1-9]\d* of \d+ rows, .*petal_length"):
        prove(made.fitted, altered, made.table)


def test_a_gap_sent_the_wrong_way_is_refused(messy: pd.DataFrame, fitted: Callable[..., Any]) -> None:
    made = fitted(messy.drop(columns=["amount", "grade"]), "answer", "hist_gradient_boosting", ROUNDS)
    model = onnx.load_from_string(made.content)
    node = next(node for node in model.graph.node if node.op_type == "TreeEnsemble")
    ways = next(a for a in node.attribute if a.name == "nodes_missing_value_tracks_true")
    ways.ints[:] = [1 - way for way in ways.ints]
    altered = Model(model.SerializeToString(), {column.name: column.type for column in made.table.features})
    with pytest.raises(ExportError):
        prove(made.fitted, altered, made.table)


def test_every_threshold_and_both_its_neighbours_are_tried(fitted: Callable[..., Any]) -> None:
    made = fitted(read_iris(), "species", "random_forest", "train.random_forest.n_estimators=10")
    tried = pd.concat(list(proof_rows(made.fitted, made.table)))
    names = list(made.frame.columns)
    wanted = {
        (names[feature], value)
        for tree in made.fitted.estimator.estimators_
        for feature, threshold in zip(tree.tree_.feature, tree.tree_.threshold, strict=True)
        if feature >= 0
        for at in [np.float32(threshold)]
        for value in (at, np.nextafter(at, np.float32(-np.inf)), np.nextafter(at, np.float32(np.inf)))
    }
    assert len(wanted) > 50
    found = {name: set(tried[name].to_numpy()) for name in names}
    assert [(name, value) for name, value in wanted if float(value) not in found[name]] == []


def test_a_graph_that_disagrees_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = training_pipeline.convert

    def wrong(*arguments: Any) -> bytes:
        return tampered(real(*arguments), "leaf_weights", heavier)

    monkeypatch.setattr(training_pipeline, "convert", wrong)
    settings = load_settings(None, {}, ["train.random_forest.n_estimators=5"])
    with pytest.raises(ExportError):
        training_pipeline.train(settings, "iris", tmp_path, Progress(Console(quiet=True)))
    assert list(tmp_path.iterdir()) == []
