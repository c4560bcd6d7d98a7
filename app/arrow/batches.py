"""Batches in Arrow: what /predict/batch reads and answers in place of JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from app.arrow.format import MEDIA_TYPE
from app.arrow.reader import Stream
from app.arrow.writer import AnswerWriter
from app.artifact import Manifest
from app.columns import ColumnReader
from app.endpoint import Reply
from app.schema import Feed

_UNKNOWN_COLUMNS = 100  # so many are named at most; reading the rest would be for nothing


class ArrowBatches:
    """Reads and writes the batches of one model."""

    def __init__(self, manifest: Manifest, max_rows: int) -> None:
        self._names = {feature.name for feature in manifest.features}
        self._reader = ColumnReader(manifest, max_rows)
        self._writer = AnswerWriter(manifest)

    def read(self, body: bytes) -> tuple[Feed, int]:
        """The graph's inputs and their rows. Raises MalformedBody, or InvalidInput that names every bad value."""
        stream = Stream(body, len(self._names) + _UNKNOWN_COLUMNS)
        self._reader.check_rows(stream.rows)
        return self._reader.feed(stream.columns(self._names), stream.rows), stream.rows

    def reply(self, outputs: Sequence[NDArray[Any]]) -> Reply:
        """The answer that holds the model's ``outputs``."""
        return Reply(self._writer.write(outputs), len(outputs[0]), MEDIA_TYPE)
