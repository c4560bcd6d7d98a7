"""The short cut of single rows: answered where the HTTP protocol has read the last byte of the request.

uvicorn makes a task, an event, a queue of messages and a checked copy of every header for each request, because an
ASGI application may take its time. An endpoint that answers at once needs none of it. Only what is plain takes the
short cut: a request whose bytes came in one piece, on a connection with nothing else to answer. All the rest goes
uvicorn's way, and the gateway gives both the same answers.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

from starlette.types import Scope

from app.asgi import Gateway
from app.connection import Connection
from app.endpoint import Endpoint
from app.phase import Phase

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Shortcut(Connection):
    """Serves one connection, with a short cut to what ``gateway`` answers at once."""

    def __init__(self, *args: Any, gateway: Gateway, phase: Phase, **options: Any) -> None:
        super().__init__(*args, **options)
        self._gateway = gateway
        self._phase = phase
        self._endpoint: Endpoint | None = None  # of the request that is on the short cut
        self._body = b""  # what has come of that request's

    def data_received(self, data: bytes) -> None:
        """Parse what came; a request that is not complete by then leaves the short cut."""
        super().data_received(data)
        if self._endpoint is None:
            return
        self._endpoint = None
        if not self._refused and not self.transport.is_closing():
            super().on_headers_complete()
            super().on_body(self._body)

    def on_headers_complete(self) -> None:
        """Choose the way that the request goes."""
        endpoint = self._gateway.short.get(self.url)
        if endpoint is None or not self._is_plain():
            super().on_headers_complete()
            return
        self._check_head()
        self._in_body = True
        self._endpoint = endpoint
        self._body = b""

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._endpoint is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Answer what is on the short cut."""
        if self._endpoint is None:
            super().on_message_complete()
            return
        endpoint, self._endpoint = self._endpoint, None
        self._complete()
        self.scope["method"] = "POST"
        self.scope["path"] = self.url.decode()
        finished = self._gateway.at_once(endpoint, cast("Scope", self.scope), self._body)
        lines = [_STATUS_LINES[finished.status]]
        for name, value in (*self.server_state.default_headers, *finished.headers):
            lines += (name, b": ", value, b"\r\n")
        draining = self._phase.draining
        keep = not draining and self.parser is not None and self.parser.should_keep_alive()
        if not keep and not draining:  # the gateway says so itself while it drains
            lines.append(b"connection: close\r\n")
        lines += (b"\r\n", finished.content)
        self.transport.write(b"".join(lines))
        if not keep:
            self.transport.close()
        self.on_response_complete()

    def _is_plain(self) -> bool:
        """Whether nothing about the request or its connection asks for more than an answer."""
        cycle, parser = self._cycle(), self.parser
        return (
            parser is not None
            and (cycle is None or cycle.response_complete)
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )
