"""Tensors between their encodings, JSON or binary, and NumPy.

Binary data are little-endian and row-major without padding: a BOOL is a byte, 0 or 1; each of BYTES is its length in 4
bytes, then itself. In JSON a gap is ``null``, which turns a tensor of integers or booleans into floats with NaN.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.diagnosis import kind, parse, pointer, shown
from app.errors import LISTED_ERRORS, FieldError, InvalidInput, MalformedBody

DATATYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    **{
        f"{sign}INT{bits}": np.dtype(f"<{code}{bits // 8}")
        for sign, code in (("", "i"), ("U", "u"))
        for bits in (8, 16, 32, 64)
    },
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
    "BYTES": np.dtype(object),
}

_LENGTH = struct.Struct("<I")
_ELEMENTS: dict[str, Any] = {"b": bool | None, "i": int | None, "u": int | None, "f": float | None, "O": str | None}
_DECODERS = {
    code: (msgspec.json.Decoder(list[element]).decode, msgspec.json.Decoder(list[list[element]]).decode)
    for code, element in _ELEMENTS.items()
}


def from_json(name: str, datatype: str, data: bytes) -> NDArray[Any]:
    """The elements ``[n]`` of a tensor from its ``data``, flat or nested once. Raises InvalidInput, MalformedBody."""
    dtype = DATATYPES[datatype]
    values = _decode(name, datatype, data)
    if dtype.kind == "O":
        return _objects(values)
    if dtype.kind == "f" or None in values:
        if dtype.kind in "iu" and any(_refusal(value, datatype) for value in values):
            raise _invalid(name, datatype, values, "")
        with np.errstate(over="ignore"):  # what is beyond the type is infinite, and refused as such
            return np.array(values, dtype=np.float64).astype(dtype if dtype.kind == "f" else np.float64)
    try:
        return np.array(values, dtype=dtype)
    except OverflowError as error:
        raise _invalid(name, datatype, values, str(error)) from error


def _decode(name: str, datatype: str, data: bytes) -> list[Any]:
    """The elements in ``data``, which may be nested once."""
    flat, nested = _DECODERS[DATATYPES[datatype].kind]
    try:
        return flat(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return list(chain.from_iterable(nested(data)))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        try:
            content = parse(data)
        except MalformedBody as malformed:
            raise MalformedBody(f"in the data of {pointer('', name)}: {malformed}") from error
        raise _invalid(name, datatype, content, str(error)) from error


def from_binary(name: str, datatype: str, data: memoryview) -> NDArray[Any]:
    """The elements ``[n]`` of a tensor from its binary ``data``. Raises InvalidInput."""
    if datatype == "BYTES":
        return _objects(list(_texts(name, data)))
    dtype = DATATYPES[datatype]
    if len(data) % dtype.itemsize:
        reason = f"has {len(data)} bytes, which are no whole number of {datatype}"
        raise InvalidInput([FieldError(pointer("", name), reason=reason, remedy=f"send {dtype.itemsize} bytes each")])
    if datatype != "BOOL":
        return np.frombuffer(data, dtype)
    octets = np.frombuffer(data, np.uint8)
    bad = np.flatnonzero(octets > 1).tolist()
    if bad:
        errors = [_element(name, row, "is not a boolean", "send 0 or 1", str(octets[row])) for row in bad]
        raise InvalidInput(errors[: LISTED_ERRORS + 1])
    return octets.view(np.bool_)


def to_binary(values: NDArray[Any] | Sequence[str]) -> bytes:
    """The binary data of an array of numbers or booleans, or of texts."""
    if isinstance(values, np.ndarray):
        return np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    encoded = (text.encode() for text in values)
    return b"".join(part for text in encoded for part in (_LENGTH.pack(len(text)), text))


def _texts(name: str, data: memoryview) -> Iterator[str]:
    """The elements of BYTES, which must be texts."""
    start, row = 0, 0
    while start < len(data):
        end = start + _LENGTH.size
        length = _LENGTH.unpack_from(data, start)[0] if end <= len(data) else 0
        if end + length > len(data):
            reason = f"breaks off in element {row}"
            remedy = "send each element as its length in 4 bytes, little-endian, and itself"
            raise InvalidInput([FieldError(pointer("", name), reason=reason, remedy=remedy)])
        try:
            yield str(data[end : end + length], "utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInput([_element(name, row, "is not UTF-8", "send texts in UTF-8", None)]) from error
        start, row = end + length, row + 1


def _objects(values: list[Any]) -> NDArray[Any]:
    """An array of objects, whatever they are."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _invalid(name: str, datatype: str, values: Any, otherwise: str) -> InvalidInput:
    """The error that names every element which cannot be ``datatype``; ``otherwise`` says what is wrong if none is."""
    if not isinstance(values, list):
        errors = [
            FieldError(
                pointer(pointer("", name), "data"), f"is {kind(values)}, not an array", "send the elements in an array"
            )
        ]
    else:
        elements: list[Any] = values
        nested = chain.from_iterable(each if isinstance(each, list) else [each] for each in elements)
        found = ((row, value, _refusal(value, datatype)) for row, value in enumerate(nested))
        bad = (_element(name, row, reason, f"send {datatype}", shown(value)) for row, value, reason in found if reason)
        errors = list(islice(bad, LISTED_ERRORS + 1))
    return InvalidInput(errors or [FieldError(pointer("", name), reason=otherwise, remedy=f"send {datatype}")])


def _refusal(value: Any, datatype: str) -> str | None:
    """Why ``value``, read from JSON, cannot be an element of ``datatype``; None where it can."""
    dtype = DATATYPES[datatype]
    if value is None:
        return None
    if dtype.kind == "O":
        return None if isinstance(value, str) else f"is {kind(value)}, not a string"
    if dtype.kind == "b":
        return None if isinstance(value, bool) else f"is {kind(value)}, not a boolean"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"is {kind(value)}, not a number"
    if dtype.kind == "f":
        return None if math.isfinite(value) else "is out of range"
    if not isinstance(value, int):
        return "is not an integer"
    bounds = np.iinfo(dtype)
    return None if bounds.min <= value <= bounds.max else f"is out of {datatype}'s range"


def _element(name: str, row: int, reason: str, remedy: str, value: str | None) -> FieldError:
    """The error of one element."""
    return FieldError(pointer(pointer("", name), str(row)), reason=reason, remedy=remedy, value=value)
