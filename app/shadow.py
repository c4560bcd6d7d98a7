"""Asking another release the same, unseen by callers, and counting whether it predicts the same.

Copies are sent from one thread over one connection, after the answer. What it cannot keep up with is dropped and
counted: a candidate that is slow, hangs or is gone costs callers nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import math
import queue
import threading
import urllib.parse
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from app.metrics import Metrics

WAITING = 100
"""Copies that wait to be sent; more are dropped."""
SECONDS = 5
"""How long the other release may take."""
PATHS = frozenset({"/predict", "/predict/batch"})
_TOLERANCE = 1e-9  # between quantities that were predicted by different engines or machines
_PASSED_ON = (b"content-type", b"authorization", b"x-api-key", b"x-request-id")

Headers = Mapping[bytes, bytes]


class _Copy(NamedTuple):
    """A request that was answered, and the answer."""

    path: str
    headers: dict[str, str]
    body: bytes
    answer: bytes


class Shadow:
    """Mirrors what was predicted to the service at ``url`` and counts what it says to it."""

    def __init__(self, url: str, metrics: Metrics) -> None:
        parts = urllib.parse.urlsplit(url)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = make(parts.hostname or "", parts.port, timeout=SECONDS)
        self._metrics = metrics
        metrics.expect_shadow()
        self._waiting: queue.Queue[_Copy | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def offer(self, path: str, headers: Headers, body: bytes, answer: bytes) -> None:
        """Send a copy of a request to ``path`` when there is time, to compare with the ``answer`` in JSON."""
        passed_on = {name.decode(): headers[name].decode("latin-1") for name in _PASSED_ON if name in headers}
        try:
            self._waiting.put_nowait(_Copy(path, passed_on, body, answer))
        except queue.Full:
            self._metrics.shadowed("dropped")

    def close(self) -> None:
        """Send no more; a copy that is under way gets its time."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        self._waiting.put(None)
        self._thread.join(2 * SECONDS)

    def _run(self) -> None:
        while copy := self._waiting.get():
            self._metrics.shadowed(self._outcome(copy))

    def _outcome(self, copy: _Copy) -> str:
        """What became of a copy: ``same``, ``different`` or ``failed``."""
        try:
            self._connection.request("POST", copy.path, copy.body, copy.headers)
            response = self._connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return "failed"
        if response.status != 200:
            return "failed"
        try:
            return "same" if _agree(_predictions(content), _predictions(copy.answer)) else "different"
        except msgspec.MsgspecError:
            return "failed"


def _predictions(content: bytes) -> list[Any]:
    """What an answer predicts, row by row."""
    answer: dict[str, Any] = msgspec.json.decode(content, type=dict[str, Any])
    return answer["predictions"] if "predictions" in answer else [answer.get("prediction")]


def _agree(one: list[Any], other: list[Any]) -> bool:
    """Whether two answers predict the same: classes exactly, quantities within the tolerance."""
    return len(one) == len(other) and all(
        math.isclose(mine, theirs, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
        if isinstance(mine, float) and isinstance(theirs, float)
        else mine == theirs
        for mine, theirs in zip(one, other, strict=True)
    )
