"""The arrays of a record batch, made from its buffers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.arrow.format import Batch, Type
from app.arrow.messages import Slots
from app.arrow.schema import Layout
from app.errors import MalformedBody


class Parts(NamedTuple):
    """What a column of a batch consists of."""

    length: int
    nulls: int
    buffers: list[memoryview]


def length_of(batch: Slots) -> int:
    """How many rows a batch has."""
    length = batch.integer(Batch.LENGTH)
    if length < 0:
        raise ValueError(length)
    return length


def parts_of(batch: Slots, body: memoryview, layouts: Sequence[Layout]) -> list[Parts]:
    """The parts of each column of a batch; their lengths are the batch's."""
    if batch.child(Batch.COMPRESSION):
        raise MalformedBody("the Arrow stream's buffers are compressed; write it without compression")
    nodes, ranges = batch.pairs(Batch.NODES), batch.pairs(Batch.BUFFERS)
    if len(nodes) != len(layouts) or len(ranges) != sum(layout.buffers for layout in layouts):
        raise ValueError(nodes)
    buffers = iter([_slice(body, start, length) for start, length in ranges])
    found: list[Parts] = []
    for (length, nulls), layout in zip(nodes, layouts, strict=True):
        if length != length_of(batch) or nulls < 0:
            raise ValueError(length)
        found.append(Parts(length, nulls, [next(buffers) for _ in range(layout.buffers)]))
    return found


def array(layout: Layout, parts: Parts) -> NDArray[Any]:
    """The values as `app.columns` takes them: numbers or booleans with NaN for gaps, or texts with None for gaps."""
    length = parts.length
    valid = _bits(parts.buffers[0], length) if parts.nulls else None
    if layout.type in (Type.UTF8, Type.LARGE_UTF8):
        return _texts(layout, parts, valid)
    if layout.type == Type.BOOL:
        values: NDArray[Any] = _bits(parts.buffers[1], length)
    else:
        values = _numbers(parts.buffers[1], layout.dtype, length)
    if valid is None:
        return values
    with np.errstate(invalid="ignore"):  # of signalling NaNs
        return np.where(valid, values, np.nan)


def taken(dictionary: NDArray[Any], layout: Layout, parts: Parts) -> NDArray[Any]:
    """The values that the indices in ``parts`` take from ``dictionary``."""
    indices = _numbers(parts.buffers[1], layout.dtype, parts.length)
    used = np.flatnonzero(_bits(parts.buffers[0], parts.length)) if parts.nulls else slice(None)
    chosen = indices[used]
    if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(dictionary):
        raise ValueError("an index beyond the dictionary")
    if not parts.nulls:
        return dictionary[chosen]
    values = np.full(parts.length, None if dictionary.dtype == object else np.nan)
    values[used] = dictionary[chosen]
    return values


def _slice(body: memoryview, start: int, length: int) -> memoryview:
    """A buffer of a body."""
    if start < 0 or length < 0 or start + length > len(body):
        raise ValueError(start)
    return body[start : start + length]


def _numbers(buffer: memoryview, dtype: np.dtype[Any], length: int) -> NDArray[Any]:
    """The first ``length`` numbers in a buffer."""
    return np.frombuffer(buffer, dtype, length) if length else np.empty(0, dtype)


def _bits(buffer: memoryview, length: int) -> NDArray[np.bool_]:
    """The first ``length`` bits in a buffer."""
    octets = _numbers(buffer, np.dtype(np.uint8), (length + 7) // 8)
    return np.unpackbits(octets, count=length, bitorder="little").view(np.bool_)


def _texts(layout: Layout, parts: Parts, valid: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Texts with None for gaps."""
    values = np.full(parts.length, None)
    if not parts.length:
        return values
    _, bounds, data = parts.buffers
    offsets = _numbers(bounds, layout.dtype, parts.length + 1)
    if offsets[0] < 0 or offsets[-1] > len(data) or (offsets[1:] < offsets[:-1]).any():
        raise ValueError("offsets beyond the texts")
    spans = pairwise(offsets.tolist())
    try:
        if valid is None:
            values[:] = [str(data[start:end], "utf-8") for start, end in spans]
        else:
            marked = zip(spans, valid.tolist(), strict=True)
            values[:] = [str(data[start:end], "utf-8") if known else None for (start, end), known in marked]
    except UnicodeDecodeError as error:
        raise MalformedBody("the Arrow stream has texts that are not UTF-8") from error
    return values
