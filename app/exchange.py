"""One request and its answer: the ids it goes by and the line that the access log gets of it."""

from __future__ import annotations

import itertools
import logging
import random
import re
import secrets
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec
from starlette.types import Scope

if TYPE_CHECKING:
    from opentelemetry.trace import Span

LATE = "late"
"""In the state of a request's scope once its time to arrive is over: whoever reads its body need not wait for more."""

LONGEST_SHOWN = 10_000  # characters of a path or body in a log line

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
# W3C Trace Context: version 255 and ids of zeros are invalid, later versions may append fields.
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)

logger = logging.getLogger("app.access")


class Exchange(msgspec.Struct, gc=False):
    """A request under way. ``trace_id`` is that of the caller's trace or else of ours; None where nobody traces.

    ``caller`` is the name of the API key where one is needed, ``quota`` the headers that tell what is left to it.
    """

    method: str
    path: str
    endpoint: str
    request_id: str
    trace_id: str | None
    started: float
    rows: int = 0
    body: bytes = b""
    shed: bool = False
    span: Span | None = None
    caller: str | None = None
    quota: tuple[tuple[bytes, bytes], ...] = ()


class Reception:
    """Opens the exchanges of one process."""

    def __init__(self) -> None:
        self._prefix = secrets.token_hex(8)
        self._count = itertools.count(1)

    def open(self, scope: Scope, headers: Mapping[bytes, bytes], endpoint: str) -> Exchange:
        """The exchange of a request: its id is the caller's where sane, else the trace's, else a new one."""
        started = perf_counter()
        trace_id = None
        if (parent := headers.get(b"traceparent")) and (found := _TRACEPARENT.fullmatch(parent)):
            trace_id = found["trace"].decode()
        if (given := headers.get(b"x-request-id")) and _SANE_ID.fullmatch(given):
            request_id = given.decode()
        else:
            request_id = trace_id or f"{self._prefix}{next(self._count):016x}"
        return Exchange(scope["method"], scope["path"], endpoint, request_id, trace_id, started)


class AccessLog:
    """Logs a sample of the exchanges, and all in which the service failed.

    Requests that were shed are left to the sample: a line for each would cost more than the answer it saved.
    ``bodies`` adds what the caller sent, feature values included; nothing else of a line can hold one.
    """

    def __init__(self, sample: float, bodies: bool) -> None:
        self._sample = sample
        self._bodies = bodies

    def note(self, exchange: Exchange, status: int, seconds: float) -> None:
        """Log the exchange if it failed, or if chance has it."""
        failed = status >= 500 and not exchange.shed
        if not failed and not (self._sample and random.random() < self._sample):  # noqa: S311 - a sample, no secret
            return
        line = {
            "method": exchange.method,
            "path": exchange.path[:LONGEST_SHOWN],
            "status": status,
            "ms": round(seconds * 1000, 3),
            "request_id": exchange.request_id,
            "trace_id": exchange.trace_id,
            "rows": exchange.rows,
        }
        if exchange.caller is not None:
            line["caller"] = exchange.caller
        if self._bodies:
            line["body"] = exchange.body[:LONGEST_SHOWN].decode("utf-8", "replace")
        logger.log(logging.WARNING if failed else logging.INFO, "request", extra=line)
