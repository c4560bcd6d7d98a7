"""From a frame to features and target: types, roles, gaps, and what is refused with which words."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.tables import data_settings, read_iris
from training.data_settings import DataSettings
from training.errors import DataError
from training.table import Table, build_table

ROWS = 24


def settings(**changes: Any) -> DataSettings:
    return data_settings(**{"max_categories": 5, **changes})


def raw(**columns: Any) -> pd.DataFrame:
    """A table of 24 rows with the target y = no, yes, no, … and the given columns."""
    return pd.DataFrame({"x": np.arange(ROWS), "y": ["no", "yes"] * (ROWS // 2), **columns})


def types(table: Table) -> dict[str, str]:
    return {column.name: column.type for column in table.features}


def refusal(table: pd.DataFrame, **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        build_table(table, settings(**changes))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_iris_has_four_lengths_and_the_species_as_text() -> None:
    table = read_iris()
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]
    assert list(table.columns) == names
    assert set(table["species"]) == {"setosa", "versicolor", "virginica"}
    assert len(table) == 150


@pytest.mark.parametrize(
    ("target", "task", "classes"),
    [
        (["b", "a"] * 12, "classification", ["a", "b"]),
        ([True, False] * 12, "classification", [False, True]),
        ([3, 1] * 12, "classification", [1, 3]),
        ([1.0, 2.0] * 12, "classification", [1, 2]),
        ([0.5, 1.5] * 12, "regression", []),
        (list(range(24)), "regression", []),
    ],
)
def test_the_task_follows_from_the_targets_values(target: list[Any], task: str, classes: list[Any]) -> None:
    found = build_table(raw(y=target), settings())
    assert found.task == task
    assert found.classes == classes
    assert [type(one) for one in found.classes] == [type(one) for one in classes]
    expected = target if task == "regression" else [classes.index(value) for value in target]
    assert found.target.tolist() == expected


def test_the_task_can_be_set() -> None:
    assert build_table(raw(y=[1, 2] * 12), settings(task="regression")).task == "regression"
    assert build_table(raw(y=[0.5, 1.5] * 12), settings(task="classification")).classes == [
        0.5,
        1.5,
    ]
    assert "is text ('no')" in refusal(raw(), task="regression")


def test_rows_without_a_target_are_dropped_and_counted() -> None:
    found = build_table(raw(y=["no", "yes", None, ""] * 6), settings())
    assert (found.rows, found.rows_dropped) == (12, 12)
    assert found.features[0].values.tolist() == [row for row in range(ROWS) if row % 4 < 2]


@pytest.mark.parametrize(
    ("columns", "changes", "words"),
    [
        ({}, {"target": "Y"}, ["the target 'Y' is no column", "x, y"]),
        ({"income": 1}, {"target": "incme"}, ["'incme'", "did you mean 'income'?"]),
        ({}, {"id": ["z"]}, ["data.id z: no such column"]),
        ({}, {"types": {"z": "number"}}, ["data.types z: no such column"]),
        ({}, {"limits": {"z": [0, 1]}}, ["data.limits z: no such column"]),
        ({}, {"timestamp": "y"}, ["data.timestamp y: it is the target"]),
        ({"i": 1}, {"id": ["i"], "ignore": ["i"]}, ["data.id i: it is set by --ignore already"]),
        ({}, {"id": ["x"]}, ["no column is left"]),
        ({}, {"limits": {"x": [0, 20]}}, ["'x' has 21 in row 22 and 3 value(s)", "[0, 20]"]),
        ({}, {"limits": {"x": [2, 1]}}, ["data.limits.x = [2, 1]"]),
        ({"t": "a"}, {"limits": {"t": [0, 1]}}, ["data.limits.t = [0, 1]", "of a number"]),
        ({"n": ["1"] * 22 + ["n/k", "2"]}, {"types": {"n": "number"}}, ["'n' has 'n/k' in row 23", "no number"]),
        ({"b": ["yes"] * 22 + ["no", "?"]}, {"types": {"b": "boolean"}}, ["'b' has '?' in row 24", "no boolean"]),
        ({"day": ["2024-01-31"] * 23 + ["31.1.2024"]}, {"timestamp": "day"}, ["'31.1.2024' in row 24", "no moment"]),
        ({"n": 1}, {"timestamp": "n"}, ["'n' has '1' in row 1", "no moment"]),
        ({}, {"ignore": ["y"]}, ["--ignore y: it is the target"]),
        ({}, {"ignore": ["x"]}, ["no column is left to predict 'y' from"]),
        ({"y": "no"}, {}, ["'y'", "one class only (no)"]),
        ({"y": 2.5}, {}, ["'y'", "2.5 in every row"]),
        ({"y": None}, {}, ["0 rows with a 'y'", "at least 10"]),
        ({"gap": None}, {}, ["'gap' has no values", "--ignore 'gap'"]),
        ({"big": [1.0] * 23 + [np.inf]}, {}, ["'big' has inf in row 24", "--ignore 'big'"]),
        ({"big": [1.0] * 23 + [-4e38]}, {}, ["'big' has -4e+38 in row 24", "3.403e+38"]),
        ({"y": [1.0] * 23 + [np.inf]}, {}, ["'y' has inf"]),
        (
            {"user": [f"u{row}" for row in range(ROWS)]},
            {},
            ["'user' has 24 distinct texts", "max_categories = 5", "--ignore 'user'"],
        ),
        ({"n": [*map(str, range(23)), "n/k"]}, {}, ["'n' has 24 distinct", "not 'n/k'"]),
        ({"day": ["2024-01-31", "2024-02-01"] * 12}, {}, ["'day' holds dates", "'2024-01-31'", "--ignore 'day'"]),
        ({"day": ["31.1.2024", None] * 12}, {}, ["'day' holds dates"]),
        ({"day": pd.Timestamp("2024-01-31")}, {}, ["'day' holds datetime64", "--ignore 'day'"]),
        ({"day": datetime.date(2024, 1, 31)}, {}, ["'day' holds date values"]),
        ({"took": pd.Timedelta(1, "s")}, {}, ["'took' holds timedelta64"]),
        ({"mixed": pd.Series([1, "a"] * 12, dtype=object)}, {}, ["'mixed' holds int and str values"]),
        ({"mixed": pd.Series([1] * 20 + ["a"] + [2] * 3, dtype=object)}, {}, ["int and str", "'a' in row 21"]),
        ({"tags": [["a"]] * ROWS}, {}, ["'tags' holds list values"]),
        ({"z": 1j}, {}, ["'z' holds complex128"]),
        ({'a"b': 1.0}, {}, ["'a\"b'", "quotation marks", "rename it"]),
        ({"a\nb": 1.0}, {}, [r"'a\nb'", "control characters", "rename it"]),
    ],
)
def test_what_cannot_be_learnt_is_refused_by_name_with_the_remedy(
    columns: dict[str, Any], changes: dict[str, Any], words: list[str]
) -> None:
    message = refusal(raw(**columns), **changes)
    assert [word for word in words if word not in message] == []


def test_an_ignored_column_may_be_anything() -> None:
    table = raw(day=pd.Timestamp("2024-01-31"), id=[f"u{row}" for row in range(ROWS)])
    assert types(build_table(table, settings(ignore=["day", "id"]))) == {"x": "number"}


@given(st.lists(st.sampled_from([0.0, -0.0, 1.0, 1.0000000000000002, 5e-324, None]), min_size=2, max_size=2))
def test_the_fingerprint_tells_tables_apart_exactly_when_a_value_differs(pair: list[float | None]) -> None:
    first, second = (build_table(raw(v=[2.0] * 23 + [value]), settings()).fingerprint for value in pair)
    same = pair[0] is pair[1] or (pair[0] is not None and pair[1] is not None and repr(pair[0]) == repr(pair[1]))
    assert (first == second) == same


def test_the_fingerprint_covers_names_types_order_and_the_target() -> None:
    plain = build_table(raw(), settings()).fingerprint
    others = [
        raw().rename(columns={"x": "z"}),
        raw(x=np.arange(ROWS).astype(str)),
        raw(y=["yes", "no"] * 12),
        raw().iloc[::-1],
    ]
    assert len({plain, *(build_table(table, settings(max_categories=30)).fingerprint for table in others)}) == 5


def test_declared_types_win_over_what_the_values_suggest() -> None:
    table = raw(
        zip=[8001, 8002] * 12,
        share=[0.5, 2.0] * 12,
        code=["07", "8"] * 12,
        paid=["Yes", "no"] * 12,
        flag=[1, 0] * 12,
        truth=[True, None] * 12,
    )
    declared = {"zip": "category", "share": "category", "code": "number", "paid": "boolean", "flag": "boolean"}
    found = {column.name: column for column in build_table(table, settings(types=declared)).features}
    assert {name: column.type for name, column in found.items()} == {**declared, "x": "number", "truth": "boolean"}
    assert found["zip"].categories == ("8001", "8002")
    assert found["share"].categories == ("0.5", "2")
    assert found["code"].values[:2].tolist() == [7.0, 8.0]
    assert found["paid"].values[:2].tolist() == found["flag"].values[:2].tolist() == [1.0, 0.0]


def test_ids_tell_rows_apart_and_teach_nothing_whether_declared_or_named_so() -> None:
    distinct = np.arange(ROWS)
    table = raw(customer_id=distinct, ID=[f"u{row}" for row in distinct], order_id=1, user=distinct)
    found = build_table(table, settings(id=["user"]))
    assert found.ids == ["customer_id", "ID", "user"]
    assert types(found) == {"x": "number", "order_id": "number"}, "a column that repeats itself is no id"
    declared = build_table(table, settings(types={"customer_id": "number", "user": "number"}))
    assert declared.ids == ["ID"]


@pytest.mark.parametrize(
    ("first", "seconds"),
    [
        ("2024-01-31", 1706659200.0),
        ("2024-01-31T01:00:00+01:00", 1706659200.0),
        (pd.Timestamp("2024-01-31 00:00:00.5"), 1706659200.5),
        (datetime.date(2024, 1, 31), 1706659200.0),
    ],
)
def test_a_moment_is_kept_beside_the_features(first: Any, seconds: float) -> None:
    found = build_table(raw(day=[first, None] * 12), settings(timestamp="day"))
    assert types(found) == {"x": "number"}
    assert found.timestamp == "day"
    assert found.columns[-1].values[0] == seconds
    assert np.isnan(found.columns[-1].values[1])


def test_the_fingerprint_covers_ids_moments_and_rows_without_a_target() -> None:
    plain = raw(user=np.arange(ROWS), day="2024-01-31")
    others = [
        raw(user=np.arange(ROWS) + 1, day="2024-01-31"),
        raw(user=np.arange(ROWS), day="2024-02-01"),
        pd.concat([plain, plain.tail(1).assign(y=None)]),
    ]
    found = {build_table(table, settings(id=["user"], timestamp="day")).fingerprint for table in (plain, *others)}
    assert len(found) == 4


def test_rows_are_numbered_as_in_the_source() -> None:
    found = build_table(raw(y=["no", "yes", None, ""] * 6), settings())
    assert found.row_numbers[:4].tolist() == [1, 2, 5, 6]
