"""The type of a column, found from its values: number, boolean or category; and what no model can learn from."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from app.artifact import MAX_MAGNITUDE, FeatureType
from training.errors import DataError

_NOT_IN_NAMES = re.compile(r'["\\\x00-\x1f]')  # what the service cannot decode in the name of a request's field
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([ T].*)?|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}([ T].*)?")

_BOOLEANS = {bool, np.bool_}
_NUMBERS = {int, float, Decimal, np.float64, np.int64}
_TRUTH = {**dict.fromkeys(("true", "yes", "y", "t", "1"), 1.0), **dict.fromkeys(("false", "no", "n", "f", "0"), 0.0)}


@dataclass(frozen=True)
class Column:
    """One parsed column.

    ``values`` has one entry per row: floats with NaN for a gap (numbers; booleans as 0 and 1), or object holding text
    with ``""`` for a gap (categories). Floats are float32 where that holds each of them exactly, else float64, so what
    decides is the values and not how the source stored them. ``categories`` are the distinct texts, sorted.
    """

    name: str
    type: FeatureType
    values: np.ndarray
    categories: tuple[str, ...] = ()

    @property
    def missing(self) -> np.ndarray:
        """A mask of the rows in which the column has a gap."""
        return self.values == "" if self.type == "category" else np.isnan(self.values)

    def exact(self, rows: np.ndarray) -> np.ndarray:
        """The values at ``rows`` to calculate with: float64, or the texts."""
        values = self.values[rows]
        return values if self.type == "category" else values.astype(np.float64)

    def take(self, rows: np.ndarray) -> Column:
        """The column at ``rows``, a mask; categories that do not occur there are left out."""
        values = self.values[rows]
        return Column(self.name, self.type, values, _categories(values) if self.type == "category" else ())


def parse_column(name: str, series: pd.Series, declared: FeatureType | None = None) -> Column:
    """Find the column's type, or take the ``declared`` one, and parse its values.

    Raises DataError for dates, infinite numbers, numbers beyond float32, mixed kinds, objects, and values that are not
    of the declared type; it names the first row in the way.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype)
    if declared is not None:
        return _declared(name, series, declared)
    if pd.api.types.is_bool_dtype(series.dtype):
        return Column(name, "boolean", _truths(series))
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_complex_dtype(series.dtype):
        return _number(name, series)
    if not (pd.api.types.is_string_dtype(series.dtype) or series.dtype == object):
        raise DataError(f"column '{name}' holds {series.dtype} values; {_remedy(name)}{_date_remedy(series)}")
    if isinstance(series.dtype, pd.StringDtype):
        return _text(name, series)
    present = series[series.notna()]
    kinds = {type(value) for value in present}
    if kinds <= _BOOLEANS and kinds:
        return Column(name, "boolean", _truths(series))
    if kinds <= _NUMBERS and kinds:
        return _number(name, series)
    if kinds <= {str}:
        return _text(name, series)
    raise _mixed(name, present)


def parse_timestamp(name: str, series: pd.Series) -> Column:
    """The moments of a column as numbers: seconds since 1970 in UTC; a moment without a zone is taken as UTC.

    Raises DataError for text that is not written as ISO 8601 has it, and for what is no moment at all.
    """
    present = series[series.notna()]
    moments = pd.to_datetime(present.astype(str), errors="coerce", format="ISO8601", utc=True)
    if pd.api.types.is_numeric_dtype(series.dtype) or moments.isna().any():
        wrong = present.iloc[0] if moments.notna().all() else present[moments.isna()].iloc[0]
        row = int(present.index[0] if moments.notna().all() else moments.index[moments.isna()][0]) + 1
        raise DataError(
            f"column '{name}' has {str(wrong)!r} in row {row}, which is no moment; write them like "
            "2026-01-31T12:00:00Z, or take the column out of data.timestamp"
        )
    values = np.full(len(series), np.nan)
    values[series.notna().to_numpy()] = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(1, "s")
    return Column(name, "number", values)


def parse_id(name: str, series: pd.Series) -> Column:
    """The column as texts that tell rows apart."""
    return _as_category(name, series)


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


def _date_remedy(series: pd.Series) -> str:
    """What else can be done about dates."""
    moments = pd.api.types.is_datetime64_any_dtype(series.dtype)
    return ", declare it with --set data.timestamp=…" * moments + ", or turn them into numbers"


def _truths(series: pd.Series) -> np.ndarray:
    """Booleans as 0 and 1 with NaN for gaps."""
    return series.to_numpy(dtype=np.float32, na_value=np.nan)


def _floats(series: pd.Series) -> np.ndarray:
    """Numbers with NaN for gaps, in the narrower type that holds each of them; of a float32 column without a copy."""
    stored = getattr(series.dtype, "numpy_dtype", series.dtype)
    if isinstance(stored, np.dtype) and np.can_cast(stored, np.float32):
        return series.to_numpy(dtype=np.float32, na_value=np.nan)
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values, equal_nan=True) else values


def _number(name: str, series: pd.Series) -> Column:
    """A number column, refused if a value is infinite or beyond the format's range."""
    values = _floats(series)
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
    codes, distinct = pd.factorize(series)  # -1 is a gap
    texts = np.array([*distinct, ""], dtype=object)
    values = texts[codes]  # every row refers to one of these few texts
    categories = _categories(texts)
    if categories and all(_DATE.fullmatch(text.strip()) for text in categories):
        raise DataError(
            f"column '{name}' holds dates, such as '{categories[0]}' ({len(categories)} distinct); {_remedy(name)}, "
            "declare it with --set data.timestamp=…, or turn them into numbers"
        )
    return Column(name, "category", values, categories)


def _numbers_hint(column: Column) -> str:
    """Name the culprit where a column is text only because a few values are no numbers."""
    texts = pd.Series(column.categories)
    strays = texts[pd.to_numeric(texts, errors="coerce").isna()]
    if not 0 < len(strays) <= len(texts) / 2:
        return ""
    return f" (most are numbers, but not {strays.iloc[0]!r}: empty such cells)"


def _categories(values: np.ndarray) -> tuple[str, ...]:
    """The distinct texts, sorted, without the gap."""
    return tuple(sorted({str(value) for value in values} - {""}))


def _declared(name: str, series: pd.Series, declared: FeatureType) -> Column:
    """The values read as the declared type has them."""
    if declared == "category":
        return _as_category(name, series)
    if pd.api.types.is_bool_dtype(series.dtype):
        return Column(name, declared, _truths(series))
    if declared == "number" and pd.api.types.is_numeric_dtype(series.dtype):
        return _number(name, series)
    convert = _TRUTH.get if declared == "boolean" else _quantity
    values = np.full(len(series), np.nan)
    for row, value in series[series.notna()].items():
        found = convert(_plain(value).lower())
        if found is None:
            raise DataError(
                f"column '{name}' has {_plain(value)!r} in row {int(str(row)) + 1}, which is no {declared}, as "
                f"data.types.{name} declares"
            )
        values[int(str(row))] = found
    return _number(name, pd.Series(values)) if declared == "number" else Column(name, "boolean", values)


def _quantity(text: str) -> float | None:
    """The number that the text is, or None."""
    try:
        return {"true": 1.0, "false": 0.0}[text] if text in {"true", "false"} else float(text)
    except ValueError:
        return None


def _as_category(name: str, series: pd.Series) -> Column:
    """Every value as text: numbers without a needless decimal point."""
    values = series.astype(object).where(series.notna(), "").map(_plain).to_numpy(dtype=object)
    return Column(name, "category", values, _categories(values))


def _plain(value: Any) -> str:
    """The text of a value as a person would write it."""
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return str(value)


def _mixed(name: str, present: pd.Series) -> DataError:
    """The error for a column of several kinds, or of none that can be learnt from; the rarer kind is named."""
    kinds = present.map(lambda value: type(value).__name__)
    counts = kinds.value_counts()
    names = " and ".join(sorted(counts.index))
    rare = kinds[kinds == counts.index[-1]]
    example = f", such as {str(present[rare.index[0]])[:40]!r} in row {int(rare.index[0]) + 1}"
    where = example if len(counts) > 1 else ""
    return DataError(
        f"column '{name}' holds {names} values{where}; make them one kind of number or text, or {_remedy(name)}"
    )
