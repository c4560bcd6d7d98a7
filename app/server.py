"""One serving process: uvicorn with a drain, around the application of `app.api`."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, cast

import uvicorn
from starlette.types import ASGIApp

from app.accept import Acceptor
from app.api import create_app
from app.asgi import Gateway
from app.connection import Connection
from app.listen import explained
from app.metrics import Metrics
from app.model import Model
from app.phase import Phase
from app.settings import Settings
from app.shortcut import Shortcut
from app.start import load_grpc

if TYPE_CHECKING:
    from app.grpc.server import GrpcServer

logger = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """Stops in two steps: /health falls for the drain time, then no connection is accepted and the rest finishes.

    A second signal skips the drain time, a third leaves at once.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        phase: Phase,
        drain_seconds: float,
        on_started: Callable[[], None],
        grpc: GrpcServer | None,
    ) -> None:
        super().__init__(config)
        self._grpc = grpc
        self._phase = phase
        self._drain_seconds = drain_seconds
        self._on_started = on_started
        self._stop_at: float | None = None
        self._acceptors: list[Acceptor] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, then tell."""
        await super().startup(sockets)
        protocol = functools.partial(
            self.config.http_protocol_class,  # pyright: ignore[reportArgumentType]  # uvicorn itself calls it so
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        self._acceptors = [Acceptor(listener, protocol) for listener in sockets or []]
        if self._grpc is not None:
            await self._grpc.start()
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop as uvicorn does, having stopped to accept beside it."""
        for acceptor in self._acceptors:
            await acceptor.close()
        if self._grpc is not None:
            # One of the tasks that uvicorn waits for: calls and requests end in the same time, not one after the other.
            stopping = asyncio.create_task(self._grpc.stop(self.config.timeout_graceful_shutdown or 0))
            self.server_state.tasks.add(stopping)
            stopping.add_done_callback(self.server_state.tasks.discard)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Begin to drain. The signal is not kept for uvicorn to raise again at the end, so that the process exits 0."""
        if self._phase.draining:
            self.force_exit = self.should_exit
            self.should_exit = True
            return
        self._phase.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second; True ends serving."""
        if self._phase.draining and self._stop_at is None:
            logger.info("draining")
            self._stop_at = time.monotonic() + self._drain_seconds
        return await super().on_tick(counter) or (self._stop_at is not None and time.monotonic() >= self._stop_at)


def serve(
    settings: Settings, model: Model, metrics: Metrics, listener: socket.socket, on_started: Callable[[], None]
) -> int:
    """Serve ``model`` on the bound socket ``listener`` until a signal comes; the exit status."""
    phase = Phase()
    app = create_app(settings, model, phase, metrics)
    config = uvicorn.Config(
        app,
        http=cast("type[Connection]", _connection(app, settings, metrics, phase)),
        ws="none",
        interface="asgi3",
        lifespan="on",
        log_config=None,
        access_log=False,  # costs a quarter of the throughput
        proxy_headers=False,  # nothing here depends on the client's address
        server_header=False,
        workers=1,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    server = Server(config, phase, settings.drain_seconds, on_started, load_grpc(settings, app))
    with explained(settings.host, settings.port):
        listener.listen(config.backlog)  # here, since the event loop passes over a port that others listen on
        server.run([listener])
    logger.info("stopped")
    return 0 if server.started else 1


def _connection(app: ASGIApp, settings: Settings, metrics: Metrics, phase: Phase) -> Callable[..., Connection]:
    """What makes the protocol of a connection."""
    # Pages of other origins need headers on every answer, and whoever adds them stands in front of the gateway.
    if settings.shortcut and isinstance(app, Gateway):
        return functools.partial(Shortcut, settings=settings, metrics=metrics, gateway=app, phase=phase)
    return functools.partial(Connection, settings=settings, metrics=metrics)
