"""Arrow streams as pyarrow writes and reads them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from tests.app.inside import Answer, Application

STREAM = "application/vnd.apache.arrow.stream"
SENT = {"content-type": STREAM}
BOTH_WAYS = SENT | {"accept": STREAM}


def table(columns: Mapping[str, Any]) -> Any:
    """A table of lists or arrays by column."""
    return pa.table(dict(columns))


def stream(columns: Any, rows_per_batch: int | None = None, **options: Any) -> bytes:
    """A table as a stream."""
    columns = table(columns) if isinstance(columns, dict) else columns
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, columns.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(columns, rows_per_batch)
    return sink.getvalue()


def read(content: bytes) -> Any:
    """The table of a stream, validated in full."""
    found = pa.ipc.open_stream(content).read_all()
    found.validate(full=True)
    return found


def ask(application: Application, columns: Any, headers: dict[str, str] = SENT, **options: Any) -> Answer:
    """The answer to a table."""
    return application.post("/predict/batch", stream(columns, **options), headers)
