"""The messages of a stream and the tables of flatbuffers in them, read with every access checked.

What is out of bounds raises `struct.error` or ValueError, which `checked` turns into MalformedBody.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

from app.arrow.format import CONTINUATION, FILE_MAGIC, V4, V5, Header, Message
from app.errors import MalformedBody

MOST_MESSAGES = 256
"""Of one stream: reading a message costs as much as thousands of values."""

Form = Callable[[memoryview, int], tuple[Any, ...]]
"""Reads a number of a type at a place; raises `struct.error` beyond the end."""
BOOL: Form = struct.Struct("<?").unpack_from
UINT8: Form = struct.Struct("<B").unpack_from
INT16: Form = struct.Struct("<h").unpack_from
INT32: Form = struct.Struct("<i").unpack_from
INT64: Form = struct.Struct("<q").unpack_from
_U16: Form = struct.Struct("<H").unpack_from
_U32: Form = struct.Struct("<I").unpack_from
_I32 = INT32
_PREFIX = struct.Struct("<Ii")


class Read(NamedTuple):
    """A message: what it is, its header and its body."""

    kind: Header
    header: Slots
    body: memoryview


class Slots:
    """A table of flatbuffers by its slots' numbers: at ``position`` the distance back to its offsets, then values.

    The library's own reader takes three times as long.
    """

    __slots__ = ("_buffer", "_offsets", "_position")

    def __init__(self, buffer: memoryview, position: int) -> None:
        start = position - _I32(buffer, position)[0]
        if start < 0:  # which would count from the end
            raise ValueError(start)
        (size,) = _U16(buffer, start)
        self._buffer = buffer
        self._position = position
        self._offsets = struct.unpack_from(f"<{max(0, size - 4) // 2}H", buffer, start + 4)

    def integer(self, slot: int, form: Form = INT64, default: int = 0) -> int:
        """A number."""
        at = self._at(slot)
        return form(self._buffer, at)[0] if at else default

    def child(self, slot: int) -> Slots | None:
        """The table in a slot, None where it is empty."""
        at = self._at(slot)
        return Slots(self._buffer, at + _U32(self._buffer, at)[0]) if at else None

    def text(self, slot: int) -> str:
        """A text, empty where the slot is."""
        start, count = self._vector(slot)
        if start + count > len(self._buffer):
            raise ValueError(count)
        return str(self._buffer[start : start + count], "utf-8")

    def children(self, slot: int, most: int) -> list[Slots]:
        """The tables of a vector; raises ValueError where there are more than ``most``."""
        start, count = self._vector(slot)
        if count > most:
            raise ValueError(f"{count} instead of at most {most}")
        return [Slots(self._buffer, at + _U32(self._buffer, at)[0]) for at in range(start, start + 4 * count, 4)]

    def pairs(self, slot: int) -> list[tuple[int, int]]:
        """The structs of two 64-bit numbers of a vector."""
        start, count = self._vector(slot)
        return [*struct.iter_unpack("<qq", self._buffer[start : start + 16 * count])]

    def _at(self, slot: int) -> int:
        """Where the value of a slot stands, 0 where it is empty."""
        offset = self._offsets[slot] if slot < len(self._offsets) else 0
        return self._position + offset if offset else 0

    def _vector(self, slot: int) -> tuple[int, int]:
        """Where the first element of a vector stands, and how many there are."""
        at = self._at(slot)
        if not at:
            return 0, 0
        start = at + _U32(self._buffer, at)[0]
        return start + 4, _U32(self._buffer, start)[0]


@contextlib.contextmanager
def checked(what: str) -> Generator[None]:
    """Turn what goes wrong in reading ``what`` into MalformedBody."""
    try:
        yield
    except (struct.error, ValueError, KeyError) as error:
        raise MalformedBody(f"{what} of the Arrow stream cannot be read") from error


def messages(content: memoryview) -> Iterator[Read]:
    """The messages of a stream up to its end marker. Raises MalformedBody where it is none, or breaks off."""
    if bytes(content[: len(FILE_MAGIC)]) == FILE_MAGIC:
        raise MalformedBody("this is an Arrow file; send a stream (in pyarrow: pyarrow.ipc.new_stream)")
    start = 0
    for number in range(MOST_MESSAGES):
        at = f"message {number}"
        with checked(at):
            marker, length = _PREFIX.unpack_from(content, start)
            start += _PREFIX.size
            if marker != CONTINUATION or length < 0:
                raise ValueError(marker)
            if length == 0:
                break
            metadata = content[start : start + length]
            root = Slots(metadata, struct.unpack_from("<I", metadata)[0])
            if root.integer(Message.VERSION, INT16) not in (V4, V5):
                raise ValueError(root)
            kind = Header(root.integer(Message.HEADER_TYPE, UINT8))
            header, size = root.child(Message.HEADER), root.integer(Message.BODY_LENGTH)
            start += length
            if header is None or not 0 <= size <= len(content) - start:
                raise ValueError(size)
        yield Read(kind, header, content[start : start + size])
        start += size
    else:
        raise MalformedBody(f"the Arrow stream has more than {MOST_MESSAGES} messages; send fewer, larger batches")
    if start != len(content):
        raise MalformedBody(f"{len(content) - start} bytes follow the end of the Arrow stream")
