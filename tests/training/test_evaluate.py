"""Splits, metrics and distributions: known values, and what must hold for every input."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.tables import read_iris
from training.columns import parse_column
from training.distributions import describe_feature, number_distribution
from training.errors import DataError
from training.evaluate import baseline_answers, evaluate, improvement
from training.export.runtime import Answers
from training.settings import load_settings
from training.split import split_rows
from training.table import Table, build_table
from training.train_settings import SplitSettings


def table_of(target: list[Any], task: str = "auto") -> Table:
    raw = pd.DataFrame({"x": range(len(target)), "y": target})
    return build_table(raw, load_settings(None, {"data.target": "y", "data.task": task}, []).data)


def test_the_split_is_disjoint_exhaustive_stratified_and_repeatable() -> None:
    table = build_table(read_iris(), load_settings(None, {}, []).data)
    settings = SplitSettings(test_size=0.2, seed=1, stratify=True)
    train, test = split_rows(table, settings)
    assert sorted([*train, *test]) == list(range(150))
    assert np.bincount(table.target[test]).tolist() == [10, 10, 10]
    again = split_rows(table, settings)
    assert (train.tolist(), test.tolist()) == (again[0].tolist(), again[1].tolist())
    assert test.tolist() != split_rows(table, SplitSettings(test_size=0.2, seed=2, stratify=True))[1].tolist()


@pytest.mark.parametrize(
    ("target", "settings", "words"),
    [
        (["a", *["b"] * 20], {}, "class 'a' of 'y' has 1 row"),
        ([*"abcdefgh"] * 2, {}, "fewer rows than the 8 classes of 'y'"),
        ([0.5, 1.5] * 6, {"test_size": 0.05}, r"split\.test_size = 0\.05 leaves 11 rows to train and 1 to test"),
        (["a", *["b"] * 20], {"stratify": False, "test_size": 0.9}, "no row to train on"),
    ],
)
def test_classes_and_sizes_that_cannot_be_split_are_refused_in_our_own_words(
    target: list[Any], settings: dict[str, Any], words: str
) -> None:
    defaults: dict[str, Any] = {"test_size": 0.2, "seed": 0, "stratify": True, **settings}
    with pytest.raises(DataError, match=words):
        split_rows(table_of(target), SplitSettings(**defaults))


def test_classification_metrics_of_a_known_case() -> None:
    shares = np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2], [0.3, 0.7]])
    found = evaluate(Answers(shares.argmax(axis=1), shares), np.array([0, 0, 1, 1]), 2)
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == 0.75
    assert found["roc_auc"] == 0.75
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.2, 0.7]).mean())


def test_regression_metrics_of_a_known_case() -> None:
    found = evaluate(Answers(np.array([1.0, 2.0, 5.0]), None), np.array([1.0, 2.0, 3.0]), 0)
    assert found == {"r2": -1.0, "mae": pytest.approx(2 / 3), "rmse": pytest.approx(np.sqrt(4 / 3))}


def test_metrics_that_the_rows_do_not_define_are_left_out() -> None:
    shares = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]])
    assert "roc_auc" not in evaluate(Answers(shares.argmax(axis=1), shares), np.array([0, 1]), 3)
    assert "r2" not in evaluate(Answers(np.array([1.0, 2.0]), None), np.array([3.0, 3.0]), 0)


def test_the_baseline_knows_the_target_alone() -> None:
    classes = baseline_answers(np.array([0, 1, 1, 2]), 3, "classification", 3)
    assert classes.predictions.tolist() == [1, 1, 1]
    assert classes.probabilities is not None
    assert classes.probabilities.tolist() == [[0.25, 0.5, 0.25]] * 3
    assert baseline_answers(np.array([1.0, 3.0]), 2, "regression", 0).predictions.tolist() == [2.0, 2.0]


def test_improvement_has_the_sign_of_better() -> None:
    assert improvement("accuracy", 0.9, 0.8) == pytest.approx(0.1)
    assert improvement("rmse", 0.9, 0.8) == pytest.approx(-0.1)


@given(st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=200))
def test_number_bins_count_every_value_once_and_none_is_empty(values: list[float]) -> None:
    array = np.array(values)
    found = number_distribution(array)
    assert found.edges == sorted(set(found.edges))
    assert len(found.counts) == len(found.edges) + 1 <= 10
    bounds = [-np.inf, *found.edges, np.inf]
    expected = [int(((array > low) & (array <= high)).sum()) for low, high in itertools.pairwise(bounds)]
    assert found.counts == expected
    assert 0 not in found.counts


def test_features_are_described_by_their_training_rows_and_all_gaps() -> None:
    rows = np.array([0, 1, 2, 3])
    number = describe_feature(parse_column("n", pd.Series([1.0, 2.0, np.nan, 4.0, 99.0])), rows)
    assert (number.nullable, number.minimum, number.maximum) == (True, 1.0, 4.0)
    assert (sum(number.distribution.counts), number.distribution.missing) == (3, 1)
    truth = describe_feature(parse_column("b", pd.Series([True, True, False, True, None], dtype=object)), rows)
    assert (truth.nullable, truth.distribution.counts, truth.minimum) == (True, [1, 3], None)
    text = describe_feature(parse_column("t", pd.Series(["v", "u", "u", None, "w"])), rows)
    assert (text.categories, text.distribution.counts, text.distribution.missing) == (["u", "v", "w"], [2, 1, 0], 1)
