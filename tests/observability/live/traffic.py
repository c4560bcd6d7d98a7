"""Callers of a service: a bounded number of requests at a steady pace, whose content a test may change meanwhile."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

Address = tuple[str, int]
Body = Callable[[], Any]
MOST_SECONDS = 280
"""After which callers give up, whatever the tests are at."""


class Traffic:
    """``callers`` threads that ask ``addresses`` in turn for ``body()``, each at most ``per_second`` times a second."""

    def __init__(self, addresses: list[Address], body: Body, *, callers: int = 1, per_second: float = 10) -> None:
        self.addresses, self.body = addresses, body
        self.answers: Counter[int] = Counter()
        self.unanswered = 0
        self.seconds = 0.0
        """How long the latest answer took."""
        self._pause = 1 / per_second
        self._done = threading.Event()
        self._callers = [threading.Thread(target=self._call, args=(number,)) for number in range(callers)]
        for caller in self._callers:
            caller.start()

    def _call(self, number: int) -> None:
        for count in range(number, number + int(MOST_SECONDS / self._pause)):
            if self._done.wait(self._pause):
                return
            body, start = json.dumps(self.body()), time.monotonic()
            path = "/predict/batch" if "instances" in body else "/predict"
            connection = http.client.HTTPConnection(*self.addresses[count % len(self.addresses)], timeout=60)
            try:
                connection.request("POST", path, body, {"content-type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                self.answers[answer.status] += 1
                self.seconds = time.monotonic() - start
            except (OSError, http.client.HTTPException):
                self.unanswered += 1
            finally:
                connection.close()

    def end(self) -> None:
        """Stop asking; a request under way is waited for."""
        self._done.set()
        for caller in self._callers:
            caller.join()


def in_turn(*bodies: Any) -> Body:
    """Each of ``bodies`` in turn, for as many callers as there are."""
    lock, endless = threading.Lock(), cycle(bodies)

    def following() -> Any:
        with lock:
            return next(endless)

    return following


# Rows of the regression on rooms and age (`tests.app.models.prices`) in training's shares: its features' bins exactly,
# and its predictions' nearly.
_TENTHS = [(1, 1), (2.1, 3), (2.1, 3), (5, 5), (5, 5), (5, 5), (7, 7), (7, 7), (9, 9), (9, 9)]
USUAL = [{"rooms": rooms, "age": age} for _, age in _TENTHS for rooms, _ in _TENTHS]
DRIFTED = [{"rooms": 9, "age": age} for _, age in _TENTHS]


def in_batches(rows: list[Any], size: int = 20) -> Iterator[Any]:
    """Batches of ``size`` rows each, all of ``rows``."""
    for start in range(0, len(rows), size):
        yield {"instances": rows[start : start + size]}
