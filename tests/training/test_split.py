"""Rows held out and folds, by row, by group and by time."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from tests.training.tables import data_settings
from training.errors import DataError, SettingsError
from training.split import make_folds, split_rows
from training.table import Table, build_table
from training.train_settings import SplitSettings

ROWS = 120


def table(**columns: Any) -> Table:
    """Rows of 20 customers, an hour apart but for pairs of the same moment, in no order."""
    generator = np.random.default_rng(4)
    order = generator.permutation(ROWS)
    frame = pd.DataFrame(
        {
            "x": generator.normal(size=ROWS),
            "customer": [f"c{number:02}" for number in order % 20],
            "seen": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(order // 2, unit="h"),
            "y": np.where(order % 3 == 0, "yes", "no"),
            **columns,
        }
    )
    frame["seen"] = frame["seen"].astype(str)
    return build_table(frame, data_settings(target="y", aside=["customer"], timestamp="seen"))


def settings(**changes: Any) -> SplitSettings:
    return msgspec.convert({"test_size": 0.25, "seed": 1, "stratify": True, **changes}, SplitSettings)


def values(read: Table, name: str, rows: np.ndarray) -> set[Any]:
    return set(read.column(name).values[rows].tolist())


@pytest.mark.parametrize("stratify", [True, False])
def test_a_group_stands_in_one_part_only(stratify: bool) -> None:
    read = table()
    by = settings(by="group", group="customer", stratify=stratify)
    train, test = split_rows(read, by)
    assert sorted([*train, *test]) == list(range(ROWS))
    assert not values(read, "customer", train) & values(read, "customer", test)
    assert 0.15 * ROWS <= len(test) <= 0.35 * ROWS
    for learnt, judged in make_folds(read, train, by, 4):
        assert not values(read, "customer", train[learnt]) & values(read, "customer", train[judged])


def test_groups_of_equal_classes_shares_are_held_out_where_stratified() -> None:
    read = table()
    _, test = split_rows(read, settings(by="group", group="customer"))
    assert read.target[test].mean() == pytest.approx(read.target.mean(), abs=0.1)


@pytest.mark.parametrize("groups", [2, 3, 4, 20])
@pytest.mark.parametrize("share", [0.05, 0.2, 0.4, 0.7])
def test_the_share_of_groups_held_out_is_as_near_as_whole_groups_allow(groups: int, share: float) -> None:
    read = table(customer=[f"c{number % groups}" for number in range(ROWS)])
    train, test = split_rows(read, settings(by="group", group="customer", test_size=share))
    assert len(train) > 0
    assert len(test) / ROWS == pytest.approx(share, abs=1 / groups)


def test_by_time_the_newest_rows_are_held_out_and_a_moment_is_not_parted() -> None:
    read = table()
    train, test = split_rows(read, settings(by="time", test_size=0.21))
    seen = read.column("seen").values
    assert seen[train].max() < seen[test].min()
    assert len(test) == 26  # a fifth and a bit of 120 are 25.2, so 26 rows; they are thirteen whole pairs
    assert sorted([*train, *test]) == list(range(ROWS))


def test_folds_by_time_are_judged_by_what_comes_later() -> None:
    read = table()
    train, _ = split_rows(read, settings(by="time"))
    seen = read.column("seen").values[train]
    folds = make_folds(read, train, settings(by="time"), 3)
    assert len(folds) == 3
    assert all(seen[learnt].max() < seen[judged].min() for learnt, judged in folds)


@pytest.mark.parametrize("by", ["row", "group", "time"])
def test_folds_that_cover_judge_every_row_once(by: str) -> None:
    read = table()
    rows = np.arange(10, ROWS)
    folds = make_folds(read, rows, settings(by=by, group="customer"), 4, cover=True)
    assert sorted(np.concatenate([judged for _, judged in folds])) == list(range(len(rows)))
    assert all(not set(learnt) & set(judged) for learnt, judged in folds)


@pytest.mark.parametrize(
    ("changes", "columns", "words"),
    [
        ({"by": "group", "group": "costumer"}, {}, ["split.group", "costumer", "customer"]),
        ({"by": "group", "group": "customer"}, {"customer": ["a", None] * 60}, ["customer", "row 2", "60 row(s)"]),
        ({"by": "group", "group": "customer"}, {"customer": "only"}, ["customer", "one group"]),
        ({"by": "time"}, {"seen": ["2026-01-01", None] * 60}, ["seen", "row 2", "60 row(s)"]),
        ({"by": "time"}, {"seen": "2026-01-01"}, ["split.test_size", "0 rows to train"]),
    ],
)
def test_rows_that_cannot_be_parted_so_are_refused(changes: Any, columns: Any, words: list[str]) -> None:
    read = table(**columns)
    with pytest.raises((DataError, SettingsError)) as caught:
        split_rows(read, settings(**changes))
    assert all(word in str(caught.value) for word in words), caught.value


def test_by_time_without_a_moment_is_refused() -> None:
    frame = pd.DataFrame({"x": range(20), "y": ["a", "b"] * 10})
    with pytest.raises(SettingsError, match=r"data\.timestamp"):
        split_rows(build_table(frame, data_settings(target="y")), settings(by="time"))


def test_more_folds_than_rows_of_a_class_or_groups_are_refused() -> None:
    read = table()
    few = np.concatenate([np.flatnonzero(read.target == 0), np.flatnonzero(read.target == 1)[:3]])
    with pytest.raises(DataError, match=r"train\.folds = 5 .* has 3 rows"):
        make_folds(read, few, settings(), 5)
    customers = read.column("customer").values
    two = np.flatnonzero(np.isin(customers, ["c00", "c01"]))
    with pytest.raises(DataError, match="2 groups of 'customer' only"):
        make_folds(read, two, settings(by="group", group="customer", stratify=False), 3)
