"""Single rows that arrive while a heavy model is at work share its next call.

Nobody waits for company: a row that finds the model idle is predicted at once. Those that come meanwhile go together in
the next call: as long as no more wait than fit one, a row waits for the end of one call at most, and then for its own.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.schema import Feed

Outputs = list[NDArray[Any]]


class SharedCalls:
    """Predicts single rows by ``run`` in ``threads``, one call at a time, up to ``most`` rows in each."""

    def __init__(self, run: Callable[[Feed], Outputs], threads: Executor, most: int) -> None:
        self._run = run
        self._threads = threads
        self._most = most
        self._waiting: deque[tuple[Feed, asyncio.Future[Outputs]]] = deque()
        self._work: asyncio.Task[None] | None = None

    async def predict(self, feed: Feed) -> Outputs:
        """The outputs for the one row of ``feed``. Raises whatever ``run`` raises for that row."""
        answer: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        self._waiting.append((feed, answer))
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._predict_waiting())
        return await answer

    async def _predict_waiting(self) -> None:
        """Call until no row waits."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            calls = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            together = [(feed, answer) for feed, answer in calls if not answer.done()]  # others have given up
            if not together:
                continue
            feeds = [feed for feed, _ in together]
            outcomes: list[Outputs | Exception]
            try:
                outcomes = await loop.run_in_executor(self._threads, self._predict, feeds)
            except RuntimeError as error:  # the threads have ended: nobody may wait for ever
                outcomes = [error] * len(together)
            for (_, answer), outcome in zip(together, outcomes, strict=True):
                if answer.done():
                    continue
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)

    def _predict(self, feeds: list[Feed]) -> list[Outputs | Exception]:
        """The outputs of each row, or its error: where rows fail together, each is tried alone."""
        try:
            if len(feeds) == 1:
                return [self._run(feeds[0])]
            joined = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
            outputs = self._run(joined)
            return [[output[row : row + 1] for output in outputs] for row in range(len(feeds))]
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors share no base class
            if len(feeds) == 1:
                return [error]
            return [self._predict([feed])[0] for feed in feeds]
