"""The type of a column, found from its values: number, boolean or category; and what no model can learn from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from app.artifact import MAX_MAGNITUDE, FeatureType
from training.errors import DataError

_NOT_IN_NAMES = re.compile(r'["\\\x00-\x1f]')  # what the service cannot decode in the name of a request's field
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ T].*)?|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}([ T].*)?")


@dataclass(frozen=True)
class Column:
    """One parsed column.

    ``values`` has one entry per row: float64 with NaN for a gap (numbers; booleans as 0 and 1), or object holding text
    with ``""`` for a gap (categories). ``categories`` are the distinct texts, sorted.
    """

    name: str
    type: FeatureType
    values: np.ndarray
    categories: tuple[str, ...] = ()

    @property
    def missing(self) -> np.ndarray:
        """A mask of the rows in which the column has a gap."""
        return self.values == "" if self.type == "category" else np.isnan(self.values)


def parse_column(name: str, series: pd.Series) -> Column:
    """Find the column's type and parse its values.

    Raises DataError for dates, infinite numbers, numbers beyond float32, mixed kinds and objects.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    if pd.api.types.is_bool_dtype(series.dtype):
        return Column(name, "boolean", _floats(series))
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_complex_dtype(series.dtype):
        return _number(name, series)
    if not (pd.api.types.is_string_dtype(series.dtype) or series.dtype == object):
        raise DataError(f"column '{name}' holds {series.dtype} values; {_remedy(name)}, or turn them into numbers")
    present = series[series.notna()]
    kinds = {type(value) for value in present}
    if kinds <= {bool, np.bool_} and kinds:
        return Column(name, "boolean", _floats(series))
    if kinds <= {int, float, Decimal, np.float64, np.int64} and kinds:
        return _number(name, series)
    if kinds <= {str}:
        return _text(name, series)
    names = " and ".join(sorted(kind.__name__ for kind in kinds))
    raise DataError(f"column '{name}' holds {names} values; make them one kind of number or text, or {_remedy(name)}")


def check_feature(column: Column, max_categories: int) -> None:
    """Refuse a column that cannot be a feature: its name, no values, or text with too many distinct ones."""
    if _NOT_IN_NAMES.search(column.name):
        raise DataError(
            f"column {column.name!r}: a feature's name cannot hold quotation marks, backslashes or control characters; "
            "rename it"
        )
    if column.missing.all():
        raise DataError(f"column '{column.name}' has no values; {_remedy(column.name)}")
    count = len(column.categories)
    if count > max_categories:
        raise DataError(
            f"column '{column.name}' has {count} distinct texts in {len(column.values)} rows, more than "
            f"data.max_categories = {max_categories}{_numbers_hint(column)}; {_remedy(column.name)}"
        )


def _remedy(name: str) -> str:
    return f"leave it out with --ignore {name!r}"


def _floats(series: pd.Series) -> np.ndarray:
    """The values as float64 with NaN for gaps."""
    return series.astype(object).where(series.notna(), np.nan).to_numpy(dtype=np.float64)


def _number(name: str, series: pd.Series) -> Column:
    """A number column, refused if a value is infinite or beyond the format's range."""
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    beyond = np.flatnonzero(np.abs(values) > MAX_MAGNITUDE)
    if beyond.size:
        row = int(beyond[0])
        raise DataError(
            f"column '{name}' has {values[row]} in row {row + 1}; numbers must lie within ±{MAX_MAGNITUDE:.4g}: "
            f"correct or empty it, or {_remedy(name)}"
        )
    return Column(name, "number", values)


def _text(name: str, series: pd.Series) -> Column:
    """A category column, refused if its texts are dates."""
    values = series.astype(object).where(series.notna(), "").to_numpy(dtype=object)
    categories = tuple(sorted({str(value) for value in values} - {""}))
    if categories and all(_DATE.fullmatch(text.strip()) for text in categories):
        raise DataError(
            f"column '{name}' holds dates, such as '{categories[0]}' ({len(categories)} distinct); {_remedy(name)}, "
            "or turn them into numbers"
        )
    return Column(name, "category", values, categories)


def _numbers_hint(column: Column) -> str:
    """Name the culprit where a column is text only because a few values are no numbers."""
    texts = pd.Series(column.categories)
    strays = texts[pd.to_numeric(texts, errors="coerce").isna()]
    if not 0 < len(strays) <= len(texts) / 2:
        return ""
    return f" (most are numbers, but not {strays.iloc[0]!r}: empty such cells)"
