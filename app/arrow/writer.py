"""Answers as streams: a schema, the classes' dictionary where they are texts, and one record batch."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from flatbuffers import Builder
from numpy.typing import NDArray

from app.arrow import format as arrow
from app.artifact import Manifest
from app.schema import class_name

VERSION_KEY = "model_version"
_OFFSET = "UOffsetTRelative"
_INDICES = np.dtype("<i4")
_PREFIX = struct.Struct("<Ii")
_END = _PREFIX.pack(arrow.CONTINUATION, 0)


class AnswerWriter:
    """Writes what one model answers: ``prediction``, and for each class a column ``probabilities.<class>``.

    Texts are a dictionary, booleans, integers and floats themselves; the model's version stands in the schema.
    """

    def __init__(self, manifest: Manifest) -> None:
        self._names = [class_name(value) for value in manifest.classes]
        self._classes = np.array(manifest.classes or [0.0])
        self._texts = self._classes.dtype.kind not in "biuf"
        self._begin = _schema(self._classes.dtype, self._names, manifest.version)
        if self._texts:
            self._begin += _dictionary(self._names)

    def write(self, outputs: Sequence[NDArray[Any]]) -> bytes:
        """The stream of the model's ``outputs``: label and probabilities ``[n, classes]``, or prediction."""
        columns = [self._prediction(outputs[0]).tobytes()]
        if self._names:
            columns += [column.tobytes() for column in outputs[1].T]
        no_gaps = b""
        buffers = [buffer for column in columns for buffer in (no_gaps, column)]
        return self._begin + _batch(len(outputs[0]), len(columns), buffers) + _END

    def _prediction(self, output: NDArray[Any]) -> NDArray[Any]:
        """The values of ``prediction`` as they lie in its buffer."""
        if not self._names:
            return output
        if self._texts:
            return output.astype(_INDICES)
        values = self._classes[output]
        return np.packbits(values, bitorder="little") if values.dtype == np.bool_ else values


def _schema(prediction: np.dtype[Any], names: Sequence[str], version: str) -> bytes:
    """The message with the schema of answers."""
    builder = Builder()
    fields = [_field(builder, "prediction", prediction)]
    fields += [_field(builder, f"probabilities.{name}", np.dtype(np.float64)) for name in names]
    key, value = builder.CreateString(VERSION_KEY), builder.CreateString(version)
    metadata = _table(builder, (0, _OFFSET, key), (1, _OFFSET, value))
    schema = (
        (arrow.Schema.FIELDS, _OFFSET, _offsets(builder, fields)),
        (arrow.Schema.METADATA, _OFFSET, _offsets(builder, [metadata])),
    )
    return _message(builder, arrow.Header.SCHEMA, _table(builder, *schema), b"")


def _field(builder: Builder, name: str, dtype: np.dtype[Any]) -> int:
    """A column without gaps; texts are a dictionary's."""
    slots = [(arrow.Field.NAME, _OFFSET, builder.CreateString(name))]
    if dtype.kind in "iu":
        type_, details = arrow.Type.INT, _integer(builder, dtype)
    elif dtype.kind == "f":
        double = 2
        type_, details = arrow.Type.FLOATING_POINT, _table(builder, (0, "Int16", double))
    elif dtype.kind == "b":
        type_, details = arrow.Type.BOOL, _table(builder)
    else:
        type_, details = arrow.Type.UTF8, _table(builder)
        encoding = (arrow.Encoding.INDEX_TYPE, _OFFSET, _integer(builder, _INDICES))
        slots.append((arrow.Field.DICTIONARY, _OFFSET, _table(builder, encoding)))
    children = (arrow.Field.CHILDREN, _OFFSET, _offsets(builder, []))  # readers insist on it
    return _table(
        builder, *slots, (arrow.Field.TYPE_TYPE, "Uint8", type_), (arrow.Field.TYPE, _OFFSET, details), children
    )


def _integer(builder: Builder, dtype: np.dtype[Any]) -> int:
    """The table of an integer type."""
    width = (arrow.Int.BIT_WIDTH, "Int32", dtype.itemsize * 8)
    return _table(builder, width, (arrow.Int.IS_SIGNED, "Bool", dtype.kind == "i"))


def _dictionary(texts: Sequence[str]) -> bytes:
    """The message with the dictionary, number 0, of ``texts``."""
    builder = Builder()
    encoded = [text.encode() for text in texts]
    offsets = np.array([0, *accumulate(map(len, encoded))], "<i4").tobytes()
    data, body = _record_batch(builder, len(texts), 1, [b"", offsets, b"".join(encoded)])
    return _message(builder, arrow.Header.DICTIONARY, _table(builder, (arrow.Dictionary.DATA, _OFFSET, data)), body)


def _batch(rows: int, columns: int, buffers: Sequence[bytes]) -> bytes:
    """The message with a record batch."""
    builder = Builder()
    batch, body = _record_batch(builder, rows, columns, buffers)
    return _message(builder, arrow.Header.BATCH, batch, body)


def _record_batch(builder: Builder, rows: int, columns: int, buffers: Sequence[bytes]) -> tuple[int, bytes]:
    """The table of a record batch without gaps, and its body."""
    padded = [buffer + bytes(-len(buffer) % arrow.ALIGNMENT) for buffer in buffers]
    starts = [0, *accumulate(map(len, padded))]
    nodes = _pairs(builder, [(rows, 0)] * columns)
    ranges = _pairs(builder, [(start, len(buffer)) for start, buffer in zip(starts, buffers, strict=False)])
    slots = (
        (arrow.Batch.LENGTH, "Int64", rows),
        (arrow.Batch.NODES, _OFFSET, nodes),
        (arrow.Batch.BUFFERS, _OFFSET, ranges),
    )
    return _table(builder, *slots), b"".join(padded)


def _message(builder: Builder, kind: arrow.Header, header: int, body: bytes) -> bytes:
    """A message of the stream, with the table ``header`` of ``builder``."""
    builder.Finish(
        _table(
            builder,
            (arrow.Message.VERSION, "Int16", arrow.V5),
            (arrow.Message.HEADER_TYPE, "Uint8", kind),
            (arrow.Message.HEADER, _OFFSET, header),
            (arrow.Message.BODY_LENGTH, "Int64", len(body)),
        )
    )
    metadata = bytes(builder.Output())
    metadata += bytes(-len(metadata) % arrow.ALIGNMENT)  # the prefix is as long as the alignment
    return _PREFIX.pack(arrow.CONTINUATION, len(metadata)) + metadata + body


def _table(builder: Builder, *slots: tuple[int, str, int]) -> int:
    """A table of ``slots``: their numbers, the names of their types in flatbuffers' builder, and their values."""
    builder.StartObject(1 + max((number for number, _, _ in slots), default=0))
    for number, kind, value in slots:
        getattr(builder, f"Prepend{kind}Slot")(number, value, 0)
    return builder.EndObject()


def _offsets(builder: Builder, tables: Sequence[int]) -> int:
    """A vector of tables."""
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def _pairs(builder: Builder, pairs: Sequence[tuple[int, int]]) -> int:
    """A vector of structs of two 64-bit numbers."""
    builder.StartVector(16, len(pairs), 8)
    for first, second in reversed(pairs):
        builder.PrependInt64(second)
        builder.PrependInt64(first)
    return builder.EndVector()
