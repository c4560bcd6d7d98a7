"""Streams into columns of NumPy arrays.

The frame is read at once, values only when they are asked for and only of the columns that are, so that a stream of too
many rows or of other columns costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.arrow.arrays import array, length_of, parts_of, taken
from app.arrow.format import Dictionary, Header, Type
from app.arrow.messages import BOOL, Read, checked, messages
from app.arrow.schema import columns
from app.columns import Columns
from app.errors import MalformedBody

_Dictionaries = dict[int, NDArray[Any]]


class Stream:
    """A stream; ``rows`` is how many it has."""

    def __init__(self, content: bytes, most_columns: int) -> None:
        """Read the frame. Raises MalformedBody, or InvalidInput where a column is of a type that is not read."""
        found = [*messages(memoryview(content))]
        if not found or found[0].kind != Header.SCHEMA:
            raise MalformedBody("the Arrow stream does not begin with a schema")
        with checked("the schema"):
            self._columns = columns(found[0].header, most_columns)
        self._messages = [*enumerate(found)][1:]
        self.rows = 0
        for number, message in self._messages:
            with checked(f"message {number}"):
                if message.kind == Header.SCHEMA:
                    raise ValueError("a second schema")
                if message.kind == Header.BATCH:
                    self.rows += length_of(message.header)

    def columns(self, wanted: Collection[str]) -> Columns:
        """The columns by name; those that are not ``wanted`` are empty, those of type null are left out."""
        dictionaries: _Dictionaries = {}
        pieces: dict[str, list[NDArray[Any]]] = {
            column.name: [] for column in self._columns if column.values.type != Type.NULL or column.name not in wanted
        }
        for number, message in self._messages:
            with checked(f"message {number}"):
                if message.kind == Header.DICTIONARY:
                    self._add_dictionary(message, dictionaries, wanted)
                    continue
                for name, values in self._batch(message, dictionaries, pieces.keys() & wanted):
                    pieces[name].append(values)
        return {name: np.concatenate(parts) if parts else np.empty(0) for name, parts in pieces.items()}

    def _batch(
        self, message: Read, dictionaries: _Dictionaries, wanted: Collection[str]
    ) -> Iterator[tuple[str, NDArray[Any]]]:
        """The arrays of a record batch, by column."""
        parts = parts_of(message.header, message.body, [column.layout for column in self._columns])
        for column, own in zip(self._columns, parts, strict=True):
            if column.name not in wanted:
                continue
            if column.dictionary is None:
                yield column.name, array(column.layout, own)
            elif column.dictionary in dictionaries:
                yield column.name, taken(dictionaries[column.dictionary], column.layout, own)
            else:
                raise ValueError("a batch before its dictionary")

    def _add_dictionary(self, message: Read, dictionaries: _Dictionaries, wanted: Collection[str]) -> None:
        """Read a dictionary, or what is added to it."""
        number = message.header.integer(Dictionary.ID)
        values = [column.values for column in self._columns if column.dictionary == number and column.name in wanted]
        batch = message.header.child(Dictionary.DATA)
        if not values or batch is None:
            return
        (parts,) = parts_of(batch, message.body, values[:1])
        found = array(values[0], parts)
        if message.header.integer(Dictionary.IS_DELTA, BOOL, False) and number in dictionaries:
            found = np.concatenate([dictionaries[number], found])
        dictionaries[number] = found
