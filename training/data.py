"""Ingest: read a table from the iris data that scikit-learn ships, or from a CSV or Parquet file."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from training.errors import DataError
from training.settings import IRIS

IRIS_COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]  # all in cm


def read_table(source: str) -> pd.DataFrame:
    """The table at ``source``: ``"iris"`` or a file's path, by its suffix. Every column has a name of its own.

    Raises DataError where there is no file, no such format, no row, or a header that names columns twice or not.
    """
    if source == IRIS:
        return _iris()
    file = Path(source)
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if file.suffix.lower() not in readers:
        raise DataError(f"{file}: neither '{IRIS}' nor a .csv or .parquet file")
    if not file.is_file():
        raise DataError(f"{file}: no such file")
    try:
        table = readers[file.suffix.lower()](file)
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    _check_names(file, [str(name) for name in table.columns])
    table.columns = [str(name) for name in table.columns]
    if table.empty:
        raise DataError(f"{file}: no rows below the header")
    return table


def source_name(source: str) -> str:
    """What the manifest says of the source: no directory, so that a clone elsewhere gives the same version."""
    return "scikit-learn iris" if source == IRIS else Path(source).name


def _iris() -> pd.DataFrame:
    """Fisher's iris measurements: four lengths in cm and the species as text."""
    from sklearn.datasets import load_iris

    bunch: Any = load_iris()
    table = pd.DataFrame(bunch.data, columns=IRIS_COLUMNS)
    table["species"] = bunch.target_names[bunch.target]
    return table


def _read_csv(file: Path) -> pd.DataFrame:
    """A comma-separated UTF-8 file with a header line."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        try:
            header = next(filter(None, csv.reader(stream)), None)  # pandas passes over empty lines, too
        except csv.Error as error:
            raise DataError(f"{file}: not a comma-separated table ({error})") from error
    if not header:
        raise DataError(f"{file}: empty; the first line must name the columns")
    _check_names(file, header)
    with warnings.catch_warnings():
        # pandas only warns where rows are longer than the header, and drops what is too much.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            return pd.read_csv(file, encoding="utf-8-sig", index_col=False, low_memory=False)
        except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
            reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
            raise DataError(f"{file}: not a comma-separated table ({reason})") from error


def _read_parquet(file: Path) -> pd.DataFrame:
    """A Parquet file. An index that pandas stored under a name is a column like any other."""
    try:
        table = pd.read_parquet(file)
        return table.reset_index() if any(table.index.names) else table
    except ValueError as error:  # pyarrow's ArrowInvalid is one
        raise DataError(f"{file}: not a Parquet file ({' '.join(str(error).split())[:200]})") from error


def _check_names(file: Path, names: list[str]) -> None:
    """Refuse headers in which a column has no name or the name of another."""
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise DataError(
                f"{file}: column {position} has no name; name it in the header, or save the table without its index"
            )
        if name in names[: position - 1]:
            raise DataError(f"{file}: two columns are named '{name}'; rename one")
