"""Asking another release the same, unseen by callers, and counting whether it predicts the same.

Copies are sent by one thread over one connection, beside the answers. What it cannot keep up with is dropped and
counted: no caller waits for a candidate that is slow, hangs or is gone.
"""

from __future__ import annotations

import contextlib
import http.client
import logging
import math
import queue
import threading
import urllib.parse
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from app.artifact import Scalar
from app.metrics import Metrics

WAITING = 100
"""Copies that wait to be sent; more are dropped."""
LARGEST = 100_000
"""Bytes of a request and its answer together; larger ones are dropped, so that what waits stays below 10 MB."""
SECONDS = 5
"""How long the other release may take."""
LAST_SECONDS = 1
"""How long the service's end waits for a copy that is under way."""
PATHS = frozenset({"/predict", "/predict/batch"})
MARK = b"x-shadow"
"""The header of a copy. What carries it is not copied again, should releases name each other, or one itself."""
_TOLERANCE = 1e-9  # between quantities that were predicted by different engines or machines
_PASSED_ON = (b"content-type", b"authorization", b"x-api-key", b"x-request-id")

Headers = Mapping[bytes, bytes]

logger = logging.getLogger(__name__)


class _Copy(NamedTuple):
    """A request that was answered, and the answer."""

    path: str
    headers: dict[str, str]
    body: bytes
    answer: bytes


class _Answer(msgspec.Struct):
    """What is compared of an answer: the prediction of a row, or those of a batch."""

    prediction: Scalar | None = None
    predictions: list[Scalar] | None = None


class Shadow:
    """Mirrors what was predicted to the service at ``url`` and counts what it says to it."""

    def __init__(self, url: str, metrics: Metrics) -> None:
        parts = urllib.parse.urlsplit(url)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = make(parts.hostname or "", parts.port, timeout=SECONDS)
        self._metrics = metrics
        self._failing = False
        metrics.expect_shadow()
        self._waiting: queue.Queue[_Copy | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def offer(self, path: str, headers: Headers, body: bytes, answer: bytes) -> None:
        """Send a copy of a request to ``path`` when there is time, to compare with the ``answer`` in JSON."""
        if MARK in headers:
            return
        passed_on = {name.decode(): headers[name].decode("latin-1") for name in _PASSED_ON if name in headers}
        try:
            if len(body) + len(answer) > LARGEST:
                raise queue.Full
            self._waiting.put_nowait(_Copy(path, passed_on | {MARK.decode(): "1"}, body, answer))
        except queue.Full:
            self._metrics.shadowed("dropped")

    def close(self) -> None:
        """Send no more; a copy that is under way gets a moment."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()
        self._waiting.put(None)
        self._thread.join(LAST_SECONDS)

    def _run(self) -> None:
        while copy := self._waiting.get():
            try:
                outcome = "same" if _agree(_predictions(self._ask(copy)), _predictions(copy.answer)) else "different"
            except Exception as error:  # noqa: BLE001 - the boundary: whatever a candidate does, the next copy is sent
                self._connection.close()
                outcome = "failed"
                if not self._failing:
                    logger.warning("the other release failed; until it answers, failures are only counted: %r", error)
            self._failing = outcome == "failed"
            self._metrics.shadowed(outcome)

    def _ask(self, copy: _Copy) -> bytes:
        """What the other release answers. Where a kept connection turns out to be closed, a new one is tried."""
        kept = self._connection.sock is not None
        try:
            self._connection.request("POST", copy.path, copy.body, copy.headers)
            response = self._connection.getresponse()
        except ConnectionError:  # http.client's RemoteDisconnected included
            self._connection.close()
            if not kept:
                raise
            self._connection.request("POST", copy.path, copy.body, copy.headers)
            response = self._connection.getresponse()
        content = response.read(2 * LARGEST)
        if response.status != 200 or not response.isclosed():
            raise ValueError(f"status {response.status}, {len(content)} bytes or more")
        return content


def _predictions(content: bytes) -> list[Any]:
    """What an answer predicts, row by row."""
    answer = msgspec.json.decode(content, type=_Answer)
    return [answer.prediction] if answer.predictions is None else answer.predictions


def _agree(one: list[Any], other: list[Any]) -> bool:
    """Whether two answers predict the same: classes exactly, quantities within the tolerance."""
    return len(one) == len(other) and all(
        math.isclose(mine, theirs, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
        if isinstance(mine, float) and isinstance(theirs, float)
        else mine == theirs
        for mine, theirs in zip(one, other, strict=True)
    )
