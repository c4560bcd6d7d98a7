"""Text tables: comma, semicolon, tab or bar between the fields, whatever their encoding; by Arrow's parser.

Arrow refuses rows that are shorter or longer than the header, which pandas fills or cuts without a word.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, BinaryIO

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from training.data_settings import DataSettings
from training.errors import DataError
from training.ingest.dialect import FALLBACK, Dialect, find_dialect, not_decodable
from training.ingest.files import Place
from training.ingest.numerals import numbers_of
from training.ingest.roles import wanted

# What means a gap: the words that R, pandas, Excel and SQL clients write.
GAPS = [
    *("", "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None"),
    *("1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN"),
]
_RAGGED = re.compile(r"(?:Row #(\d+): )?Expected (\d+) columns, got (\d+)")
_NOT_UTF8 = UnicodeDecodeError("utf-8", b"", 0, 1, "invalid bytes")


def read_delimited(place: Place, settings: DataSettings, notes: list[str]) -> pd.DataFrame:
    """The file's columns but for the ignored ones; ``notes`` gets what was found out or repaired.

    Raises DataError naming the row for ragged rows, and row and column for cells that are no numbers among numbers.
    """
    with place.open() as stream:
        dialect = find_dialect(place.name, stream, settings.csv, notes)
        columns = wanted(place.name, dialect.names, settings)
        table = _parse(place.name, stream, dialect, columns, settings, notes)
    frame = pd.DataFrame({name: table.column(name).to_pandas() for name in columns})
    texts = {settings.timestamp, *settings.id, *(name for name, kind in settings.types.items() if kind == "category")}
    for name in columns:
        if pa.types.is_string(table.schema.field(name).type) and name not in texts:
            frame[name] = numbers_of(place.name, name, frame[name], settings.csv.decimal, notes)
    return frame


def _parse(
    place: str, stream: BinaryIO, dialect: Dialect, columns: list[str], settings: DataSettings, notes: list[str]
) -> Any:
    """Arrow's table; bytes that are not UTF-8, where nothing is declared, are read in the FALLBACK encoding."""
    try:
        return _arrow(place, stream, dialect, columns, settings)
    except UnicodeDecodeError as error:
        if dialect.encoding != "utf-8" or settings.csv.encoding != "auto":
            raise not_decodable(place, dialect.encoding, error) from error
    notes.append(f"{place}: not UTF-8, read as {FALLBACK}; set data.csv.encoding if texts look wrong")
    try:
        return _arrow(place, stream, replace(dialect, encoding=FALLBACK), columns, settings)
    except UnicodeDecodeError as error:
        raise not_decodable(place, f"utf-8 or {FALLBACK}", error) from error


def _arrow(
    place: str, stream: BinaryIO, dialect: Dialect, columns: list[str], settings: DataSettings, threads: bool = True
) -> Any:
    """Parse the whole stream; types are inferred but for those that are declared as text.

    Raises UnicodeDecodeError where the bytes are not the encoding's.
    """
    stream.seek(0)
    as_text = [*settings.id, *(name for name, kind in settings.types.items() if kind == "category")]
    try:
        table = csv.read_csv(
            stream,
            read_options=csv.ReadOptions(
                encoding="utf8" if dialect.encoding == "utf-8" else dialect.encoding,
                column_names=dialect.names,
                skip_rows=dialect.empty_lines,
                skip_rows_after_names=1,
                use_threads=threads,
            ),
            parse_options=csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                include_columns=columns,
                column_types={name: pa.string() for name in as_text if name in columns},
                null_values=[*GAPS, *settings.csv.missing],
                strings_can_be_null=True,
                true_values=["true", "True", "TRUE"],
                false_values=["false", "False", "FALSE"],
            ),
        )
    except pa.ArrowInvalid as error:
        reason = " ".join(str(error).split())
        ragged = _RAGGED.search(reason)
        if ragged and threads:  # only one thread alone knows the row
            return _arrow(place, stream, dialect, columns, settings, threads=False)
        if "UTF8" in reason:
            raise _NOT_UTF8 from error
        raise DataError(f"{place}: {_ragged(ragged) if ragged else _no_table(reason)}") from error
    if any(pa.types.is_binary(field.type) for field in table.schema):  # how Arrow infers bytes that are no UTF-8
        raise _NOT_UTF8
    return table


def _ragged(found: re.Match[str]) -> str:
    """What is wrong with a row that has more or fewer fields than the header."""
    row = f"row {int(found[1]) - 1}" if found[1] else "a row"
    return (
        f"{row} has {found[3]} fields, the header {found[2]}; correct it, or quote the fields that hold the delimiter"
    )


def _no_table(reason: str) -> str:
    return f"not a table of separated values ({reason.removeprefix('CSV parse error: ')[:200]})"
