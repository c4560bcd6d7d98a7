"""Columns of a text table that are almost numbers: decimal commas are read as such, strays are named."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from training.errors import DataError

# 1.234,5 and 1234,5: digits, perhaps in groups of three, and a decimal comma.
_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?(e[+-]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_STRAYS_SHOWN = 3


def numbers_of(place: str, name: str, texts: pd.Series, decimal: str, notes: list[str]) -> pd.Series:
    """``texts`` as float64 if all are numbers, as they are if most are not.

    Raises DataError where a few are no numbers (naming their rows), and where a comma may be a decimal comma or divide
    thousands.
    """
    present = texts[texts.notna()].astype(object)
    distinct = pd.Series(present.unique(), dtype=object).str.strip()
    if decimal != ",":
        values = pd.to_numeric(distinct, errors="coerce")
        if len(distinct) and values.notna().all():
            return pd.to_numeric(texts.astype(object).where(texts.notna(), None).str.strip()).astype(np.float64)
        if 2 * int(values.notna().sum()) > len(distinct):
            raise _mixed(place, name, present, distinct[values.isna()])
    if decimal == ".":
        return texts
    fits = distinct.map(lambda text: _COMMA.fullmatch(str(text)) is not None)
    if not fits.any() or not (distinct.str.contains(",").any() or decimal == ","):
        return texts
    if not fits.all():
        if 2 * int(fits.sum()) > len(distinct):
            raise _mixed(place, name, present, distinct[~fits])
        return texts
    with_comma = distinct[distinct.str.contains(",")]
    if decimal == "auto" and with_comma.map(lambda text: _THOUSANDS.fullmatch(str(text)) is not None).all():
        first = with_comma.iloc[0]
        raise DataError(
            f"{place}: column '{name}' has {first!r} in row {_row(present, first)}, which may be a decimal or a "
            "thousand: set data.csv.decimal to ',', or leave the commas of thousands out"
        )
    notes.append(f"column '{name}': decimal commas are read, such as {with_comma.iloc[0] if len(with_comma) else ','}")
    plain = texts.astype(object).where(texts.notna(), None).str.strip()
    return pd.to_numeric(plain.str.replace(".", "").str.replace(",", ".")).astype(np.float64)


def _mixed(place: str, name: str, present: pd.Series, strays: pd.Series) -> DataError:
    """The error for a column of numbers in which a few cells are something else."""
    first = [f"{text!r} in row {_row(present, text)}" for text in strays.iloc[:_STRAYS_SHOWN]]
    cells = int(present.str.strip().isin(set(strays)).sum())
    return DataError(
        f"{place}: column '{name}' holds numbers, but {', '.join(first)} ({cells} of {len(present)} cells are none): "
        f"correct or empty them, name what means a gap in data.csv.missing, or set data.types.{name} to category"
    )


def _row(present: pd.Series, text: str) -> int:
    """The number of the first row with ``text``, counted from 1 below the header."""
    return int(str(present.index[present.str.strip() == text][0])) + 1
