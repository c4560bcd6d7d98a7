"""Columns of features, whatever encoding they came in: validated as JSON rows are, and made the graph's inputs.

A column is an array ``[rows]`` of numbers or booleans, gaps being NaN, or of objects: texts, gaps being None. Where
JSON has one way to write a value, encodings with types have several; the rules that all of them share stand here:

- a number may be of any integer or floating-point type, and counts as the float64 nearest to it, as in JSON;
- a boolean may be a number, 0 or 1, since arrays of booleans have no room for a gap;
- an empty text is a gap: no category is empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.artifact import MAX_MAGNITUDE, Feature, Manifest
from app.diagnosis import pointer, refusal, remedy_for, shown
from app.errors import LISTED_ERRORS, FieldError, InvalidInput
from app.schema import Feed

Columns = Mapping[str, NDArray[Any]]

_TAKEN = {"number": "iuf", "boolean": "biuf", "category": "O"}  # NumPy's kinds of types, by the feature's
_HELD = {"b": "booleans", "i": "numbers", "u": "numbers", "f": "numbers", "O": "texts"}


class ColumnReader:
    """Makes the graph's inputs of columns named as the features, for one model."""

    def __init__(self, manifest: Manifest, max_rows: int) -> None:
        self._features = {feature.name: feature for feature in manifest.features}
        self._max_rows = max_rows
        self._numbers = [feature.name for feature in manifest.numbers]
        self._booleans = [place for place, feature in enumerate(manifest.numbers) if feature.type == "boolean"]
        self._nullable = [place for place, feature in enumerate(manifest.numbers) if feature.nullable]
        self._texts = {feature.name: _texts(feature) for feature in manifest.texts}

    def check_rows(self, rows: int) -> None:
        """Raise InvalidInput unless so many rows may be sent."""
        _refuse(self._row_errors(rows))

    def feed(self, columns: Columns, rows: int) -> Feed:
        """The graph's inputs; each column has ``rows`` rows. Raises InvalidInput that names every bad value.

        The pointer to a value is ``/column/row``. Columns stand in any order; one whose feature may have gaps may be
        left out.
        """
        _refuse(chain(self._row_errors(rows), self._frame_errors(columns)))
        feed: Feed = {}
        fits = True
        if self._numbers:
            feed["numbers"] = self._number_array(columns, rows)
            fits = bool(self._good(feed["numbers"]).all())
        if self._texts:
            fits = fits and all(
                allowed.issuperset(columns[name]) for name, allowed in self._texts.items() if name in columns
            )
            feed["texts"] = self._text_array(columns, rows)
        if not fits:
            _refuse(self._value_errors(columns, rows))
        return feed

    def _number_array(self, columns: Columns, rows: int) -> NDArray[np.float64]:
        """``numbers`` of the graph; what is left out is missing."""
        numbers = np.full((rows, len(self._numbers)), np.nan)
        with np.errstate(invalid="ignore"):  # of signalling NaNs
            for place, name in enumerate(self._numbers):
                if name in columns:
                    numbers[:, place] = columns[name]
        return numbers

    def _text_array(self, columns: Columns, rows: int) -> NDArray[Any]:
        """``texts`` of the graph; what is left out is missing."""
        texts = np.full((rows, len(self._texts)), "", dtype=object)
        for place, name in enumerate(self._texts):
            if name in columns:
                texts[:, place] = [text or "" for text in columns[name].tolist()]
        return texts

    def _good(self, numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of ``numbers`` may be."""
        good = np.abs(numbers) <= MAX_MAGNITUDE
        if self._booleans:
            values = numbers[:, self._booleans]
            good[:, self._booleans] = (values == 0) | (values == 1)
        if self._nullable:
            good[:, self._nullable] |= np.isnan(numbers[:, self._nullable])
        return good

    def _row_errors(self, rows: int) -> Iterator[FieldError]:
        """What is wrong with the number of rows."""
        if rows > self._max_rows:
            yield FieldError("", reason=f"has {rows} rows", remedy=f"send at most {self._max_rows} rows at once")
        elif rows == 0:
            yield FieldError("", reason="has no rows", remedy="send at least one row")

    def _frame_errors(self, columns: Columns) -> Iterator[FieldError]:
        """What is wrong whatever the values are: missing, unknown and mistyped columns."""
        for name, feature in self._features.items():
            if name not in columns:
                if not feature.nullable:
                    yield FieldError(pointer("", name), reason="is missing", remedy=remedy_for(feature))
            elif columns[name].dtype.kind not in _TAKEN[feature.type]:
                held = _HELD[columns[name].dtype.kind]
                yield FieldError(pointer("", name), reason=f"holds {held}", remedy=remedy_for(feature))
        for name in columns:
            if name not in self._features:
                yield FieldError(
                    pointer("", name), reason="is unknown", remedy="leave it out; /model lists the features"
                )

    def _value_errors(self, columns: Columns, rows: int) -> Iterator[FieldError]:
        """Every value that cannot be, feature by feature."""
        good = self._good(self._number_array(columns, rows))
        for name, feature in self._features.items():
            if name not in columns:
                continue
            values = columns[name].tolist()
            if name in self._texts:
                bad = [row for row, text in enumerate(values) if text not in self._texts[name]]
            else:
                bad = np.flatnonzero(~good[:, self._numbers.index(name)]).tolist()
            for row in bad:
                yield FieldError(
                    pointer(pointer("", name), str(row)),
                    reason=refusal(values[row], feature) or "cannot be used",
                    remedy=remedy_for(feature),
                    value=shown(values[row]),
                )


def _refuse(errors: Iterator[FieldError]) -> None:
    """Raise InvalidInput if there are any, with as many as are listed."""
    if found := list(islice(errors, LISTED_ERRORS + 1)):
        raise InvalidInput(found)


def _texts(feature: Feature) -> frozenset[str | None]:
    """What a text of ``feature`` may be, gaps included."""
    gaps: list[str | None] = [None, ""] if feature.nullable else []
    return frozenset([*feature.categories, *gaps])
