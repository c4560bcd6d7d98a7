"""Text tables as people have them: encodings, delimiters, decimal commas, and what is refused, with row and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.tables import ingest
from training.errors import DataError

ROWS = "1,no,Zürich\n2,yes,Genève\n3,no,\n"


def write(folder: Path, content: bytes | str, name: str = "t.csv") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def refusal(file: Path, **changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        ingest(file, **changes)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", ""), ("utf-32", ""), ("cp1252", "read as cp1252")],
)
def test_an_encoding_is_found_out_and_a_guessed_one_is_said(encoding: str, said: str, tmp_path: Path) -> None:
    found = ingest(write(tmp_path, ("x,y,stadt\n" + ROWS).encode(encoding)))
    assert list(found.frame.columns) == ["x", "y", "stadt"]
    assert found.frame["stadt"].tolist()[:2] == ["Zürich", "Genève"]
    assert found.frame["stadt"].isna().tolist() == [False, False, True]
    assert [note for note in found.notes if said not in note or not said] == []


def test_a_byte_that_is_no_utf8_far_below_the_header_does_not_change_the_header(tmp_path: Path) -> None:
    content = "größe,y\n".encode() + b"1,a\n" * 100_000 + b"1,\xe9\n"
    found = ingest(write(tmp_path, content))
    assert list(found.frame.columns) == ["größe", "y"]
    assert found.frame["y"].iloc[-1] == "é"


def test_a_declared_encoding_is_used_and_one_that_does_not_fit_or_exist_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, ("x,y,stadt\n" + ROWS).encode("utf-16-le"))
    assert "utf-16-le" in refusal(file)
    assert ingest(file, csv={"encoding": "utf-16-le"}).frame["stadt"].iloc[0] == "Zürich"
    assert "not ascii text" in refusal(write(tmp_path, "x,y\n1,ü\n"), csv={"encoding": "ascii"})
    with pytest.raises(DataError, match=r"data\.csv\.encoding = klingon: no such encoding"):
        ingest(file, csv={"encoding": "klingon"})


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "vertical bar"), (",", "")])
def test_a_delimiter_is_found_out_and_said_where_it_is_no_comma(delimiter: str, name: str, tmp_path: Path) -> None:
    text = '"a, b; c",x,y\n"1;2 | 3",4,no\n"4\t,5",5,yes\n'
    rows = [line.rsplit(",", 2) for line in text.splitlines()]
    found = ingest(write(tmp_path, "\n".join(delimiter.join(row) for row in rows) + "\n", "t.txt"))
    assert list(found.frame.columns) == ["a, b; c", "x", "y"]
    assert found.frame["x"].tolist() == [4, 5]
    assert any(name in note for note in found.notes) == bool(name)


def test_a_delimiter_that_could_be_either_is_refused_until_it_is_declared(tmp_path: Path) -> None:
    file = write(tmp_path, "a,x;y\n1,2;3\n4,5;6\n")
    assert "comma or semicolon; set data.csv.delimiter" in refusal(file)
    assert list(ingest(file, csv={"delimiter": ";"}).frame.columns) == ["a,x", "y"]


def test_decimal_commas_are_read_and_said_and_an_ambiguous_one_is_refused_until_declared(tmp_path: Path) -> None:
    file = write(tmp_path, "a;b;c;y\n1,5;1.234,5;7;x\n-2,25;12,0;;z\n;3;9;x\n")
    found = ingest(file)
    assert found.frame["a"].tolist()[:2] == [1.5, -2.25]
    assert found.frame["b"].tolist() == [1234.5, 12.0, 3.0]
    assert found.frame["c"].isna().tolist() == [False, True, False]
    assert sum("decimal commas" in note for note in found.notes) == 2
    thousands = write(tmp_path, "a;y\n1,234;x\n12,500;z\n")
    assert "'1,234' in row 1, which may be a decimal or a thousand" in refusal(thousands)
    assert ingest(thousands, csv={"decimal": ","}).frame["a"].tolist() == [1.234, 12.5]


def test_a_stray_among_numbers_is_named_by_row_and_column_with_three_ways_out(tmp_path: Path) -> None:
    cells = [*map(str, range(30)), "n/k", "31", "unknown", ""]
    file = write(tmp_path, "n,y\n" + "".join(f"{cell},{'ab'[row % 2]}\n" for row, cell in enumerate(cells)))
    message = refusal(file)
    assert "column 'n' holds numbers, but 'n/k' in row 31, 'unknown' in row 33 (2 of 33 cells are none)" in message
    assert ingest(file, csv={"missing": ["n/k", "unknown"]}).frame["n"].isna().sum() == 3
    assert ingest(file, types={"n": "category"}).frame["n"].iloc[30] == "n/k"


def test_codes_of_which_most_are_no_numbers_are_texts_and_declared_texts_keep_their_zeros(tmp_path: Path) -> None:
    file = write(tmp_path, "code,zip,y\nA1,0101,a\nB2,0202,b\n7,0303,a\n")
    assert ingest(file).frame["code"].tolist() == ["A1", "B2", "7"]
    assert ingest(file).frame["zip"].tolist() == [101, 202, 303]
    assert ingest(file, types={"zip": "category"}).frame["zip"].tolist() == ["0101", "0202", "0303"]
    assert ingest(file, id=["zip"]).frame["zip"].tolist() == ["0101", "0202", "0303"]


def test_empty_lines_windows_line_ends_and_quoted_line_breaks_are_read(tmp_path: Path) -> None:
    found = ingest(write(tmp_path, '\r\n\r\nx,y\r\n1,"a\nb"\r\n\r\n2,c'))
    assert found.frame["y"].tolist() == ["a\nb", "c"]


def test_ignored_columns_are_not_read(tmp_path: Path) -> None:
    file = write(tmp_path, "x,name,y\n1,Ann,a\n2,Bob,b\n")
    assert list(ingest(file, ignore=["name"]).frame.columns) == ["x", "y"]
    with pytest.raises(DataError, match=r"--ignore nme: no such column; did you mean 'name'\?"):
        ingest(file, ignore=["nme"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"x,y\n", "no rows"),
        (b"x,y,x\n1,2,3\n", "two columns are named 'x'"),
        (b",y\n0,1\n", "column 1 has no name"),
        (b"x,y\n1,2,3\n", "row 1 has 3 fields, the header 2"),
        (b"x,y\n1,2\n3\n", "row 2 has 1 fields, the header 2"),
        (b"x,y\n" + b"1,2\n" * 300_000 + b"3,4,5\n", "row 300001 has 3 fields, the header 2"),
        (b'x,"y\n' + b"1,2\n" * 40_000, "not a table of separated values"),
        (b"x,y\n1,\x81\x9d\n", "not utf-8 or cp1252 text"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_its_name_and_the_reason(
    content: bytes, words: str, tmp_path: Path
) -> None:
    assert words in refusal(write(tmp_path, content))


_CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6)


@given(
    rows=st.lists(st.tuples(_CELL, _CELL, st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=20),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
)
def test_whatever_pandas_writes_is_read_as_it_was_or_refused(
    rows: list[tuple[str, str, float]], encoding: str, delimiter: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("t") / "t.csv"
    written = pd.DataFrame([("a" + a, "b" + b, x) for a, b, x in rows], columns=["p", "q", "y"])
    written.to_csv(file, index=False, encoding=encoding, sep=delimiter)
    found = ingest(file, csv={"delimiter": delimiter}).frame
    assert found["p"].tolist() == written["p"].tolist()
    assert found["q"].tolist() == written["q"].tolist()
    assert found["y"].tolist() == written["y"].tolist()
