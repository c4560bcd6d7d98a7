"""Parquet: files, folders, partitions, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.training.tables import data_settings, ingest
from training.errors import DataError
from training.table import build_table


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": range(24), "y": ["no", "yes"] * 12, **columns})


def test_csv_and_parquet_give_the_same_features_gaps_and_fingerprint(tmp_path: Path) -> None:
    made = table(
        number=[1.5, None] * 12,
        whole=pd.array([3, None] * 12, dtype="Int64"),
        truth=pd.array([True, False, None, True] * 6, dtype="boolean"),
        text=["a", None, "b", "ü"] * 6,
    )
    made.to_csv(tmp_path / "t.CSV", index=False)
    made.to_parquet(tmp_path / "t.parquet")
    first, second = (build_table(ingest(tmp_path / name).frame, data_settings()) for name in ("t.CSV", "t.parquet"))
    assert {column.name: column.type for column in first.features} == {
        "x": "number",
        "number": "number",
        "whole": "number",
        "truth": "boolean",
        "text": "category",
    }
    gaps = {column.name: int(column.missing.sum()) for column in first.features}
    assert gaps == {"x": 0, "number": 12, "whole": 12, "truth": 6, "text": 6}
    assert first.fingerprint == second.fingerprint


def test_decimals_and_categoricals_are_read(tmp_path: Path) -> None:
    made = table(price=[Decimal("1.10"), Decimal("2.20")] * 12, kind=pd.Categorical(["p", "q"] * 12))
    made.to_parquet(tmp_path / "t.parquet")
    found = build_table(ingest(tmp_path / "t.parquet").frame, data_settings())
    assert {column.name: column.type for column in found.features} == {
        "x": "number",
        "price": "number",
        "kind": "category",
    }
    assert found.features[1].values[0] == 1.1


def test_a_named_index_is_a_column_and_one_without_a_name_is_none(tmp_path: Path) -> None:
    table().set_index("x").to_parquet(tmp_path / "range.parquet")
    table(x=[*range(23), 99]).set_index("x").to_parquet(tmp_path / "named.parquet")
    table().iloc[::-1].to_parquet(tmp_path / "unnamed.parquet")
    for name in ("range", "named", "unnamed"):
        assert list(ingest(tmp_path / f"{name}.parquet").frame.columns) == ["x", "y"]
    assert ingest(tmp_path / "range.parquet").frame["x"].tolist() == list(range(24))


def test_a_folder_is_one_table_in_the_order_of_its_paths_with_its_partitions(tmp_path: Path) -> None:
    for year in (2025, 2024):
        (tmp_path / "sales" / f"year={year}").mkdir(parents=True)
        table(t=year).to_parquet(tmp_path / "sales" / f"year={year}" / "part-0.parquet")
    (tmp_path / "sales" / "_SUCCESS").touch()
    found = ingest(tmp_path / "sales")
    assert list(found.frame.columns) == ["x", "y", "t", "year"]
    assert found.frame["year"].tolist() == found.frame["t"].tolist() == [2024] * 24 + [2025] * 24
    assert found.notes == ["2 files, partitioned by year"]
    assert found.name == "sales"
    assert "year" not in ingest(tmp_path / "sales", parquet={"partitions": False}).frame


def test_files_of_a_folder_may_differ_in_the_width_of_numbers_and_in_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    table(v=1).to_parquet(tmp_path / "d" / "a.parquet")
    table(v=1.5).to_parquet(tmp_path / "d" / "b.parquet")
    assert ingest(tmp_path / "d").frame["v"].tolist() == [1.0] * 24 + [1.5] * 24
    table(v="text").to_parquet(tmp_path / "d" / "c.parquet")
    with pytest.raises(DataError, match=r"c\.parquet: a column has another type .*v"):
        ingest(tmp_path / "d")
    table(w=1).to_parquet(tmp_path / "d" / "c.parquet")
    with pytest.raises(DataError, match=r"c\.parquet: column 'v' stands in some files of .* and not in others"):
        ingest(tmp_path / "d")


def test_long_ids_with_a_gap_are_not_rounded(tmp_path: Path) -> None:
    table(user=pd.array([2**60 + row for row in range(23)] + [None], dtype="Int64")).to_parquet(tmp_path / "t.parquet")
    found = build_table(ingest(tmp_path / "t.parquet", id=["user"]).frame, data_settings(id=["user"]))
    assert found.columns[-1].values[0] == str(2**60)
    assert len(set(found.columns[-1].values)) == 24


@pytest.mark.parametrize("cut", [4, 40, 400])
def test_a_truncated_file_is_refused_by_name_alone_and_in_a_folder(cut: int, tmp_path: Path) -> None:
    file = tmp_path / "d" / "b.parquet"
    file.parent.mkdir()
    table().to_parquet(file.with_name("a.parquet"))
    table().to_parquet(file)
    file.write_bytes(file.read_bytes()[:-cut])
    with pytest.raises(DataError, match=rf"{file}: damaged, or not Parquet"):
        ingest(file)
    with pytest.raises(DataError, match=rf"{file.parent}.*b\.parquet"):
        ingest(file.parent)


def test_what_is_missing_empty_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: no such file"):
        ingest(tmp_path / "none.csv")
    (tmp_path / "t.xlsx").touch()
    with pytest.raises(DataError, match=r"t\.xlsx: neither 'iris' nor a \.csv"):
        ingest(tmp_path / "t.xlsx")
    (tmp_path / "t.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(DataError, match=r"t\.parquet: damaged, or not Parquet"):
        ingest(tmp_path / "t.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: a folder without a Parquet file"):
        ingest(tmp_path / "empty")
    table().head(0).to_parquet(tmp_path / "rowless.parquet")
    with pytest.raises(DataError, match=r"rowless\.parquet: no rows"):
        ingest(tmp_path / "rowless.parquet")
