"""Taking connections faster than the event loop does, which takes one in each of its turns.

libuv, beneath uvloop, accepts no second connection before it has served what else is ready (its pull request 3696).
While every turn is long, since all who are connected ask, newcomers then wait for as many turns as there are before
them: of 300 clients at once, each asking for batches without a pause, two thirds had no answer within 6 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable

_MOST_AT_ONCE = 256
_LONG_TURN_SECONDS = 0.005
"""While turns are shorter, one at a time is soon enough, and workers side by side share a flood as they always have."""


class Acceptor:
    """Takes the connections that wait at ``listener`` and gives each a ``protocol``. It listens beside its server."""

    def __init__(self, listener: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> None:
        self._loop = asyncio.get_running_loop()
        self._listener = listener.dup()  # an event loop watches a descriptor once
        self._listener.setblocking(False)
        self._protocol = protocol
        self._most = 1  # to be taken in a turn: twice as many after each long one, until none is left
        self._full = False  # whether as many were taken in the last turn
        self._taken_at = 0.0
        self._beginning: set[asyncio.Task[None]] = set()
        self._loop.add_reader(self._listener, self._accept)

    async def close(self) -> None:
        """Take no more, and return when all that were taken are with their protocols."""
        self._loop.remove_reader(self._listener)
        self._listener.close()
        await asyncio.gather(*self._beginning)

    def _accept(self) -> None:
        """Take what waits. Out of descriptors, the event loop's own server says so and sees to it."""
        now = time.monotonic()
        if self._full and now - self._taken_at > _LONG_TURN_SECONDS:
            self._most = min(2 * self._most, _MOST_AT_ONCE)
        self._taken_at = now
        for _ in range(self._most):
            try:
                connection, _ = self._listener.accept()
            except OSError:
                self._most, self._full = 1, False
                return
            task = self._loop.create_task(self._begin(connection))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)
        self._full = True

    async def _begin(self, connection: socket.socket) -> None:
        """Hand a connection to a protocol of its own, unless it has gone already."""
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            await self._loop.connect_accepted_socket(self._protocol, connection)
