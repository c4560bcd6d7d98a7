"""Structured logs: one JSON object per line on standard error, in the names that log collectors look for.

Fields given as ``extra=`` of a logging call stand beside ``time``, ``severity``, ``logger``, ``message`` and ``pid``.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; a traceback becomes the field ``traceback``."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line without its newline."""
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
        }
        entry.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(entry, enc_hook=repr).decode()


def configure(level: str) -> None:
    """Send every logger of the process to standard error as JSON, from ``level`` (``"info"``, …) upwards.

    uvicorn's own start-up lines are left out (the service logs its own); its warnings and errors are kept.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
