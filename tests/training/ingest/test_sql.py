"""Databases: SQLite wherever Python runs, and a real PostgreSQL; passwords, read-only queries and their errors."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy

from tests.training.postgres import PASSWORD, Postgres, running
from tests.training.tables import data_settings, ingest
from training.errors import DataError
from training.table import build_table

QUERY = {"query": "select * from loans"}


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The URL of a database with the table loans, whose rows stand in no order."""
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("create table loans (x integer, paid boolean, town text, note any, y text)")
        rows = [(row % 7, row % 2, "Bern" if row % 3 else None, row, "ab"[row % 2]) for row in range(24)]
        connection.executemany("insert into loans values (?, ?, ?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{tmp_path / 'shop.db'}"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server with the table loans: every type that a table is likely to have."""
    with running() as server:
        engine = sqlalchemy.create_engine(server.full_url, poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            connection.execute(
                sqlalchemy.text(
                    "create table loans as select n::bigint + 1152921504606846976 as loan_id, n % 7 as x, "
                    "(n % 5)::numeric(6, 2) / 4 as rate, n % 2 = 0 as paid, "
                    "case when n % 3 > 0 then 'Zürich' end as town, timestamptz '2026-01-31 12:00:00+01' + "
                    "n * interval '1 day' as at, case when n % 2 = 0 then 'a' else 'b' end as y "
                    "from generate_series(1, 24) as n"
                )
            )
        yield server


def refusal(url: str, **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        ingest(url, **changes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_sqlite_is_read_with_its_gaps_and_named_by_its_file(sqlite: str) -> None:
    found = ingest(sqlite, sql={"query": "select x, town, y from loans"})
    assert list(found.frame.columns) == ["x", "town", "y"]
    assert found.frame["town"].isna().sum() == 8
    assert found.name == "shop.db"


def test_the_order_in_which_a_database_answers_does_not_matter(sqlite: str) -> None:
    queries = ("select x, y, note from loans order by note", "select x, y, note from loans order by note desc")
    first, second = (build_table(ingest(sqlite, sql={"query": query}).frame, data_settings()) for query in queries)
    assert first.fingerprint == second.fingerprint


def test_long_ids_with_a_gap_are_not_rounded(sqlite: str) -> None:
    query = "select x, y, case when note > 0 then note + 1152921504606846976 end as user from loans"
    found = build_table(ingest(sqlite, sql={"query": query}, id=["user"]).frame, data_settings(id=["user"]))
    assert str(2**60 + 7) in found.columns[-1].values
    assert len(set(found.columns[-1].values)) == 24


def test_a_query_cannot_change_sqlite(sqlite: str) -> None:
    assert "returns no rows" in refusal(sqlite, sql={"query": "delete from loans"})
    assert len(ingest(sqlite, sql=QUERY).frame) == 24


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "--set data.sql.query="),
        ("select * from loan", "no such table: loan"),
        ("select x, x, y from loans", "two columns are named 'x'"),
        ("select x, y from loans where x > 99", "no rows"),
        ("select y from loans", "no column is left"),
    ],
)
def test_a_query_that_gives_no_table_is_refused_in_one_line(query: str, words: str, sqlite: str) -> None:
    assert words in refusal(sqlite, sql={"query": query})


def test_a_column_of_mixed_kinds_is_refused_with_the_row(sqlite: str) -> None:
    with sqlite3.connect(sqlite.removeprefix("sqlite:///")) as connection:
        connection.execute("insert into loans values (9, 1, 'Bern', 'a remark', 'a')")
    connection.close()
    with pytest.raises(DataError, match=r"column 'note' holds int and str values, such as 'a remark' in row 25"):
        build_table(ingest(sqlite, sql=QUERY).frame, data_settings())


def test_a_database_that_is_not_there_or_not_known_is_named_and_not_made(tmp_path: Path) -> None:
    assert "no such database" in refusal(f"sqlite:///{tmp_path / 'none.db'}", sql=QUERY)
    assert list(tmp_path.iterdir()) == []
    assert "nor that of a database" in refusal("ftp://host/x.csv", sql=QUERY)
    assert "the driver MySQLdb is not installed" in refusal("mysql://host/x", sql=QUERY)


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    for url in ("postgresql://ana:s3cret@db/shop", "https://ana:s3cret@host/t.csv"):  # pragma: allowlist secret
        message = refusal(url, sql=QUERY)
        assert "s3cret" not in message
        assert "DATABASE_PASSWORD_FILE" in message
        assert "ana@" in message


@pytest.mark.postgres
@pytest.mark.parametrize("way", ["DATABASE_PASSWORD", "DATABASE_PASSWORD_FILE", "PGPASSWORD"])
def test_postgresql_is_read_with_a_password_that_stands_nowhere(
    way: str, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    monkeypatch.setenv(way, str(tmp_path / "password") if way.endswith("FILE") else PASSWORD)
    found = ingest(postgres.url, sql=QUERY, timestamp="at")
    table = build_table(found.frame, data_settings(timestamp="at"))
    kinds = {column.name: column.type for column in table.features}
    assert kinds == {"x": "number", "rate": "number", "paid": "boolean", "town": "category"}
    assert table.ids == ["loan_id"]
    assert table.columns[-2].values[0] == str(2**60 + 1)
    assert table.columns[-1].values[0] == pd.Timestamp("2026-02-01T11:00:00Z").timestamp()
    assert found.name == "postgres"


@pytest.mark.postgres
def test_postgresql_lets_a_training_write_nothing(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    message = refusal(postgres.url, sql={"query": "with gone as (delete from loans returning *) select * from gone"})
    assert "read-only transaction" in message
    assert len(ingest(postgres.url, sql=QUERY).frame) == 24


@pytest.mark.postgres
def test_what_postgresql_refuses_is_one_line_without_the_password(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "wrong-s3cret")
    message = refusal(postgres.url, sql=QUERY)
    assert "password authentication failed" in message
    assert "s3cret" not in message
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    assert 'relation "loan" does not exist' in refusal(postgres.url, sql={"query": "select * from loan"})
    monkeypatch.delenv("DATABASE_PASSWORD")
    monkeypatch.setenv("DATABASE_PASSWORD_FILE", str(tmp_path / "none"))
    assert f"DATABASE_PASSWORD_FILE {tmp_path / 'none'}: No such file" in refusal(postgres.url, sql=QUERY)
