"""One client's connection: uvicorn's HTTP protocol, bounded in all that a client could draw out.

uvicorn waits for a request as long as its client likes, and for a client that does not read; it keeps any number of
headers, of pipelined requests and of connections. Here each has an end, and what is refused before it is a request gets
a problem as the others do. Nothing is logged of it: a line for each would be the next thing to fill.
"""

from __future__ import annotations

import asyncio
import http
import secrets
from typing import Any, cast

import httptools
import msgspec
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.errors import (
    PROBLEM_MEDIA_TYPE,
    HeadTooLarge,
    MalformedRequest,
    RequestTooSlow,
    ServiceError,
    TooManyConnections,
    to_problem,
)
from app.exchange import LATE
from app.metrics import Metrics
from app.settings import Settings

MAX_HEADERS = 100
MAX_HEAD_BYTES = 65_536  # target and headers; what has come in one read, up to 256 KiB, is held before it is measured
MAX_PIPELINED = 100  # requests that wait for the one before them
_BODY_HEADERS = frozenset((b"content-length", b"transfer-encoding"))
LINGER_SECONDS = 2.0  # to read on after a refusal: closing on unread bytes would take the answer from the client


class Connection(HttpToolsProtocol):
    """Serves one connection within the limits of ``settings``."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._request_seconds = settings.request_seconds
        self._max_connections = settings.max_connections
        self._metrics = metrics
        self._received = 0  # bytes, since the last request was complete
        self._begun = False  # a request that is not complete yet
        self._in_body = False  # of that request
        self._refused = False
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request as for a later one; refuse one connection too many."""
        super().connection_made(transport)
        if len(self.connections) > self._max_connections:
            self._refuse(
                TooManyConnections(f"{self._max_connections} connections are open; close some, or add replicas")
            )
            transport.close()
            return
        self._keep_alive()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave no timer behind, which would hold all of the connection until it fires."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._deadline = _cancelled(self._deadline)
        self._stalled = _cancelled(self._stalled)

    def eof_received(self) -> bool:  # type: ignore[override]
        """A client that has said all may still read: answer what it asked before the connection closes."""
        cycle = self._cycle()
        if self._refused or cycle is None or cycle.response_complete or cycle.more_body:
            return False
        cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        """Read on; the time that a request may take begins with its first byte."""
        if self._refused or self.parser is None:
            return
        self._unset_keepalive_if_required()
        self._received += len(data)
        try:
            self._parse(self.parser, data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, ServiceError) else MalformedRequest(f"it is not HTTP/1.1: {error}"))
            return
        if not self._in_body and self._received > MAX_HEAD_BYTES:
            self._refuse(_head_too_large())
        elif self._deadline is None and (self._begun or not (self._answering() or self.timeout_keep_alive_task)):
            self._deadline = self.loop.call_later(self._request_seconds, self._too_slow)

    def _parse(self, parser: httptools.HttpRequestParser, data: bytes) -> None:
        """Feed the parser, which stops where another protocol is offered: none is spoken here, so HTTP goes on."""
        while data:
            try:
                parser.feed_data(data)
            except httptools.HttpParserUpgrade as stop:
                data = data[stop.args[0] :]
            else:
                return

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin a request whose head is within its limits; the parser hands on what is raised here."""
        self._check_head()
        self._in_body = True
        super().on_headers_complete()

    def _check_head(self) -> None:
        """Raise what is wrong with the size of a request's head, or with its number."""
        if len(self.headers) > MAX_HEADERS:
            raise _head_too_large()
        if self._received > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES:
            raise _head_too_large()
        if len(self.pipeline) >= MAX_PIPELINED:
            raise MalformedRequest(
                f"{MAX_PIPELINED} requests wait for their turn; read some answers before more is sent"
            )
        if (
            self.parser
            and self.parser.should_upgrade()
            and not _BODY_HEADERS.isdisjoint(name for name, _ in self.headers)
        ):
            raise MalformedRequest("the parser loses a body that comes with an Upgrade; send it without that header")

    def on_message_complete(self) -> None:
        """The request is whole, and in time."""
        super().on_message_complete()
        self._complete()
        if self.cycle.response_complete:  # before its body had come: from here on the connection is idle
            self._keep_alive()

    def _complete(self) -> None:
        """The next byte begins another request."""
        self._begun = self._in_body = False
        self._received = 0
        self._deadline = _cancelled(self._deadline)

    def pause_writing(self) -> None:
        """The client does not read its answers: for a while that is its right."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self._request_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It does."""
        super().resume_writing()
        self._stalled = _cancelled(self._stalled)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, together with what its client never read."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def shutdown(self) -> None:
        """Called by the server when it ends: a request that has begun to arrive is waited for, and answered."""
        if self._in_body or not self._begun:
            super().shutdown()

    def _cycle(self) -> RequestResponseCycle | None:
        """The request whose headers came last; uvicorn's annotation leaves out that there may be none yet."""
        return cast("RequestResponseCycle | None", self.cycle)

    def _answering(self) -> bool:
        """Whether the last request is complete and its answer is not: nobody waits for the client then."""
        cycle = self._cycle()
        return cycle is not None and not cycle.more_body and not cycle.response_complete

    def _head_bytes(self) -> int:
        """The size of the request's target and headers."""
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _keep_alive(self) -> None:
        """Let the connection be idle for as long as uvicorn does after an answer."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _too_slow(self) -> None:
        """The time for a request is over. Whoever reads its body is told, and answers; else it is answered here."""
        self._deadline = None
        if self.pipeline or self._answering():  # one before it takes long itself
            self._deadline = self.loop.call_later(self._request_seconds, self._too_slow)
        elif not self._in_body:
            self._refuse(RequestTooSlow(f"its headers took longer than {self._request_seconds} s"))
        elif self.cycle.response_complete:
            self.transport.close()
        else:
            self.scope.setdefault("state", {})[LATE] = True
            self.cycle.message_event.set()

    def _refuse(self, error: ServiceError) -> None:
        """Answer what never became a request, read nothing more of it, and close."""
        self._refused = True
        self._metrics.refused(error.kind)
        self._deadline = _cancelled(self._deadline)
        cycle = self._cycle()
        if cycle is None or cycle.response_complete:
            self.transport.write(_answer(error))
            self.transport.write_eof()
            self._deadline = self.loop.call_later(LINGER_SECONDS, self.transport.close)
            return
        if not cycle.response_started:
            self.transport.write(_answer(error))
        cycle.disconnected = True  # one answer is enough
        cycle.message_event.set()
        self.transport.close()


def _answer(error: ServiceError) -> bytes:
    """A whole answer that closes its connection. There is no request to take an id from, so it gets one of its own."""
    problem, headers = to_problem(error, secrets.token_hex(16))
    content = msgspec.json.encode(problem)
    lines = {
        "content-type": PROBLEM_MEDIA_TYPE,
        "content-length": str(len(content)),
        "x-request-id": problem.instance,
        **headers,
        "connection": "close",
    }
    head = f"HTTP/1.1 {error.status} {http.HTTPStatus(error.status).phrase}\r\n"
    return (head + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n").encode() + content


def _head_too_large() -> HeadTooLarge:
    """The error that tells the limits."""
    return HeadTooLarge(f"at most {MAX_HEADERS} headers and {MAX_HEAD_BYTES} bytes, the target included, are read")


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    """Cancel a timer where there is one."""
    if timer is not None:
        timer.cancel()
