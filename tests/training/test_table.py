"""From files to features and target: types, roles, gaps, and what is refused with which words."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data import read_table
from training.errors import DataError
from training.settings import DataSettings
from training.table import Table, build_table

ROWS = 24


def settings(**changes: Any) -> DataSettings:
    defaults: dict[str, Any] = {"source": "x.csv", "target": "y", "ignore": [], "task": "auto", "max_categories": 5}
    return DataSettings(**{**defaults, **changes})


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
    table = read_table("iris")
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width", "species"]
    assert list(table.columns) == names
    assert set(table["species"]) == {"setosa", "versicolor", "virginica"}
    assert len(table) == 150


@pytest.mark.parametrize("suffix", ["csv", "parquet", "CSV"])
def test_csv_and_parquet_give_the_same_features_gaps_and_fingerprint(suffix: str, tmp_path: Path) -> None:
    table = raw(
        number=[1.5, None] * 12,
        whole=pd.array([3, None] * 12, dtype="Int64"),
        truth=pd.array([True, False, None, True] * 6, dtype="boolean"),
        text=["a", None, "b", "ü"] * 6,
    )
    file = tmp_path / f"table.{suffix}"
    if suffix == "parquet":
        table.to_parquet(file)
    else:
        table.to_csv(file, index=False)
    found = build_table(read_table(str(file)), settings())
    assert types(found) == {
        "x": "number",
        "number": "number",
        "whole": "number",
        "truth": "boolean",
        "text": "category",
    }
    gaps = {column.name: int(column.missing.sum()) for column in found.features}
    assert gaps == {"x": 0, "number": 12, "whole": 12, "truth": 6, "text": 6}
    assert found.features[-1].categories == ("a", "b", "ü")
    assert found.classes == ["no", "yes"]
    assert found.fingerprint == build_table(table, settings()).fingerprint


def test_a_parquet_file_with_decimals_and_categoricals_is_read(tmp_path: Path) -> None:
    table = raw(price=[Decimal("1.10"), Decimal("2.20")] * 12, kind=pd.Categorical(["p", "q"] * 12))
    table.to_parquet(tmp_path / "t.parquet")
    found = build_table(read_table(str(tmp_path / "t.parquet")), settings())
    assert types(found) == {"x": "number", "price": "number", "kind": "category"}
    assert found.features[1].values[0] == 1.1


def test_the_named_index_of_a_parquet_file_is_a_column_and_one_without_a_name_is_none(tmp_path: Path) -> None:
    raw().set_index("x").to_parquet(tmp_path / "named.parquet")
    raw().iloc[::-1].to_parquet(tmp_path / "unnamed.parquet")
    for name in ("named", "unnamed"):
        assert list(read_table(str(tmp_path / f"{name}.parquet")).columns) == ["x", "y"]


def test_a_csv_with_a_byte_order_mark_and_windows_line_ends_is_read(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"\xef\xbb\xbfx,y\r\n1,no\r\n2,yes\r\n")
    assert list(read_table(str(file)).columns) == ["x", "y"]


def test_empty_lines_before_the_header_of_a_csv_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(b"\n\nx,y\n1,no\n")
    assert list(read_table(str(file)).columns) == ["x", "y"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"a,b\n", "no rows"),
        (b"a,b,a\n1,2,3\n", "two columns are named 'a'"),
        (b",a\n0,1\n", "column 1 has no name"),
        (b"a,b\n1,2,3\n", "not a comma-separated table"),
        (b"a,b\n1,2\n3,4,5\n", "not a comma-separated table (Expected 2 fields in line 3, saw 3)"),
        (b"a,b\n\xff\xfe,1\n", "not UTF-8"),
        (b'a,"b\n' + b"1,2\n" * 40_000, "not a comma-separated table (field larger than field limit"),
    ],
)
def test_a_csv_that_is_no_table_is_refused_with_its_name_and_the_reason(
    content: bytes, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "t.csv"
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(str(file))
    assert str(file) in str(caught.value)
    assert words in str(caught.value)


def test_a_missing_an_unknown_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: no such file"):
        read_table(str(tmp_path / "none.csv"))
    with pytest.raises(DataError, match=r"t\.xlsx: neither 'iris' nor a \.csv or \.parquet file"):
        read_table("t.xlsx")
    (tmp_path / "t.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(DataError, match=r"t\.parquet: not a Parquet file"):
        read_table(str(tmp_path / "t.parquet"))
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(DataError, match="no such file"):
        read_table(str(tmp_path / "d.csv"))


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
    assert build_table(raw(y=[0.5, 1.5] * 12), settings(task="classification")).classes == [0.5, 1.5]
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
        ({}, {"ignore": ["z"]}, ["--ignore z: no such column"]),
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
            {"id": [f"u{row}" for row in range(ROWS)]},
            {},
            ["'id' has 24 distinct texts", "max_categories = 5", "--ignore 'id'"],
        ),
        ({"n": [*map(str, range(23)), "n/k"]}, {}, ["'n' has 24 distinct", "not 'n/k'"]),
        ({"day": ["2024-01-31", "2024-02-01"] * 12}, {}, ["'day' holds dates", "'2024-01-31'", "--ignore 'day'"]),
        ({"day": ["31.1.2024", None] * 12}, {}, ["'day' holds dates"]),
        ({"day": pd.Timestamp("2024-01-31")}, {}, ["'day' holds datetime64", "--ignore 'day'"]),
        ({"day": datetime.date(2024, 1, 31)}, {}, ["'day' holds date values"]),
        ({"took": pd.Timedelta(1, "s")}, {}, ["'took' holds timedelta64"]),
        ({"mixed": pd.Series([1, "a"] * 12, dtype=object)}, {}, ["'mixed' holds int and str values"]),
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
