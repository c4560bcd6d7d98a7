"""A stream's schema: its columns, and how their values lie in buffers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from app.arrow import format as arrow
from app.arrow.messages import BOOL, INT16, INT32, UINT8, Slots
from app.diagnosis import pointer
from app.errors import FieldError, InvalidInput

_FLOATS = {precision: np.dtype(f"<f{2 << precision}") for precision in range(3)}
_SIGNED = {bits: np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)}
_UNSIGNED = {bits: np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)}
_TAKEN = "send integers, floats, booleans or utf8, plain or as a dictionary"


class Layout(NamedTuple):
    """How values lie in buffers: ``dtype`` is that of the numbers, or of the offsets of texts."""

    type: arrow.Type
    dtype: np.dtype[Any]

    @property
    def buffers(self) -> int:
        """How many buffers they have."""
        return {arrow.Type.NULL: 0, arrow.Type.UTF8: 3, arrow.Type.LARGE_UTF8: 3}.get(self.type, 2)


class Column(NamedTuple):
    """A column: its values, or the indices of its values in the dictionary of this number."""

    name: str
    layout: Layout
    dictionary: int | None
    values: Layout


def columns(schema: Slots, most: int) -> list[Column]:
    """The columns of a schema. Raises InvalidInput that names those which hold what no feature is."""
    if schema.integer(arrow.Schema.ENDIANNESS, INT16) != arrow.LITTLE_ENDIAN:
        raise ValueError("big-endian")
    found: list[Column] = []
    errors: list[FieldError] = []
    for field in schema.children(arrow.Schema.FIELDS, most):
        name = field.text(arrow.Field.NAME)
        at = pointer("", name)
        type_ = arrow.Type(field.integer(arrow.Field.TYPE_TYPE, UINT8))
        values = _layout(type_, field.child(arrow.Field.TYPE))
        encoding = field.child(arrow.Field.DICTIONARY)
        if values is None or (encoding and type_ == arrow.Type.NULL):
            reason = f"is of Arrow's type {type_.name.lower()}"
            errors.append(FieldError(at, reason=reason, remedy=_TAKEN))
        elif any(name == other.name for other in found):
            errors.append(FieldError(at, reason="comes twice", remedy="send it once"))
        elif encoding is None:
            found.append(Column(name, values, None, values))
        else:
            found.append(Column(name, _indices(encoding), encoding.integer(arrow.Encoding.ID), values))
    if errors:
        raise InvalidInput(errors)
    return found


def _layout(type_: arrow.Type, details: Slots | None) -> Layout | None:
    """The layout of a type, None where it is not one that is read."""
    if type_ in (arrow.Type.NULL, arrow.Type.BOOL):
        return Layout(type_, np.dtype(np.uint8))
    if type_ in (arrow.Type.UTF8, arrow.Type.LARGE_UTF8):
        return Layout(type_, np.dtype("<i4" if type_ == arrow.Type.UTF8 else "<i8"))
    if details and type_ == arrow.Type.FLOATING_POINT:
        return Layout(type_, _FLOATS[details.integer(0, INT16)])
    if details and type_ == arrow.Type.INT:
        return Layout(type_, _integer(details))
    return None


def _integer(details: Slots) -> np.dtype[Any]:
    """The dtype of a table ``Int``."""
    signed = details.integer(arrow.Int.IS_SIGNED, BOOL, default=False)
    return (_SIGNED if signed else _UNSIGNED)[details.integer(arrow.Int.BIT_WIDTH, INT32)]


def _indices(encoding: Slots) -> Layout:
    """The layout of a dictionary's indices."""
    details = encoding.child(arrow.Encoding.INDEX_TYPE)
    return Layout(arrow.Type.INT, _integer(details) if details else np.dtype("<i4"))
