"""The outermost ASGI application: ids, counts, traces, the error boundary, and the hot path in front of FastAPI.

Two kinds of requests pass: bodies to predict, answered here without a framework in between, and all the rest, which
FastAPI answers. Both get the same ids, counts and problems.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.endpoint import Endpoint, Headers, Reply
from app.errors import BodyTooLarge, MalformedBody, Overloaded, RequestTooSlow, ServiceError, to_answer
from app.exchange import LATE, AccessLog, Exchange, Reception
from app.guard import Guard
from app.metrics import OTHER, Metrics
from app.phase import Phase
from app.settings import Settings

if TYPE_CHECKING:
    from app.tracing import Tracing

_POLICY = b"content-security-policy"
_EVERYWHERE = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_HARDENING = (*_EVERYWHERE, (_POLICY, b"default-src 'none'; frame-ancestors 'none'"))
"""What every answer tells browsers to refrain from, unless it says otherwise itself."""
_PAGE_HARDENING = (*_EVERYWHERE, (_POLICY, b"frame-ancestors 'none'; base-uri 'none'; object-src 'none'"))
"""The same of pages, which need scripts and styles."""


class Gateway:
    """Answers the paths of ``endpoints`` itself and hands everything else to ``app``.

    ``labels`` name the paths of ``app`` in metrics and traces; requests to any other are counted together.
    """

    def __init__(
        self,
        app: ASGIApp,
        labels: Mapping[str, str],
        endpoints: Mapping[str, Endpoint],
        metrics: Metrics,
        phase: Phase,
        settings: Settings,
        tracing: Tracing | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._app = app
        self._labels = labels
        self._endpoints = endpoints
        self._metrics = metrics
        self._phase = phase
        self._max_body = settings.max_body_bytes
        self._most_under_way = settings.max_concurrent_requests
        self._under_way = 0
        self._reception = Reception()
        self._log = AccessLog(settings.access_log_sample, settings.log_features)
        self._tracing = tracing
        self._guard = guard
        for label in dict.fromkeys(endpoint.label for endpoint in endpoints.values()):
            metrics.expect(label)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the application's lifespan."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._metrics.in_flight.inc()
        try:
            endpoint = self._endpoints.get(scope["path"])
            if endpoint is None:
                await self._forward(scope, receive, send)
            else:
                await self._answer(endpoint, scope, receive, send)
        finally:
            self._metrics.in_flight.dec()

    async def _answer(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of the hot path."""
        headers = dict(scope["headers"])
        exchange = self._begin(scope, headers, endpoint.label)
        try:
            if self._guard is not None:
                self._guard.admit(exchange, headers)
            reply = await self._predict(endpoint, exchange, scope, headers, receive)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the boundary: every error becomes a problem
            await self._fail(error, exchange, send)
        else:
            await self._send(exchange, 200, reply.media_type, reply.content, reply.headers, send)

    async def _fail(self, error: BaseException, exchange: Exchange, send: Send) -> None:
        """Answer a request with its error."""
        failure = to_answer(error, exchange)
        extra = [(name.lower().encode(), value.encode()) for name, value in failure.headers.items()]
        await self._send(exchange, failure.status, failure.media_type.encode(), failure.content, extra, send)

    async def _send(
        self,
        exchange: Exchange,
        status: int,
        media_type: bytes,
        content: bytes,
        extra: Iterable[tuple[bytes, bytes]],
        send: Send,
    ) -> None:
        """End an exchange and send its answer."""
        headers = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(content)),
            *_HARDENING,
            *self._common_headers(exchange),
            *extra,
        ]
        self._end(exchange, status)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _predict(
        self, endpoint: Endpoint, exchange: Exchange, scope: Scope, headers: Headers, receive: Receive
    ) -> Reply:
        """The endpoint's reply; what is beyond the limit is refused before any of it is read."""
        if exchange.method != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        if self._under_way >= self._most_under_way:
            exchange.shed = True
            self._metrics.shed(exchange.endpoint)
            raise Overloaded(f"{self._most_under_way} predictions are under way already; try again, or add replicas")
        self._under_way += 1
        try:
            endpoint.check(headers)
            exchange.body = await self._body(scope, headers, receive)
            reply = await endpoint.answer(exchange.body, headers)
            exchange.rows = reply.rows
            return reply
        finally:
            self._under_way -= 1

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have FastAPI answer, and add what every answer carries. Its errors are problems already (see `app.api`)."""
        headers = dict(scope["headers"])
        exchange = self._begin(scope, headers, self._labels.get(scope["path"], OTHER))
        if self._guard is not None:
            try:
                self._guard.admit(exchange, headers)
            except ServiceError as error:
                await self._fail(error, exchange, send)
                return
        scope.setdefault("state", {})["exchange"] = exchange
        status = 500
        answered = False

        async def send_counted(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _hardened(message["headers"]) + self._common_headers(exchange)
            elif not message.get("more_body"):
                answered = True
                self._end(exchange, status)
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        except Exception:
            # Starlette raises again what its handler has answered; any other error leaves an answer half sent.
            if not answered:
                raise

    def _begin(self, scope: Scope, headers: Headers, label: str) -> Exchange:
        """Open the exchange of a request, and its span where requests are traced."""
        exchange = self._reception.open(scope, headers, label)
        if self._tracing is not None:
            self._tracing.begin(exchange, headers)
        return exchange

    def _end(self, exchange: Exchange, status: int) -> None:
        """Count, log and trace an exchange whose answer is ready."""
        seconds = perf_counter() - exchange.started
        self._metrics.answered(exchange.endpoint, exchange.method, status, seconds)
        self._log.note(exchange, status, seconds)
        if self._tracing is not None:
            self._tracing.end(exchange, status)

    async def _body(self, scope: Scope, headers: Headers, receive: Receive) -> bytes:
        """The request's body, refused as soon as it is known to exceed its limit or its time (see `app.connection`)."""
        if int(headers.get(b"content-length", b"0")) > self._max_body:
            raise self._too_large()
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise MalformedBody("the connection closed before the body was complete")
            chunk = message.get("body", b"")
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_body:
                raise self._too_large()
            if not message.get("more_body", False):
                return b"".join(chunks)
            if LATE in scope.get("state", ()):
                raise RequestTooSlow(f"{size} bytes of the body came in time; send it faster, or less of it")

    def _too_large(self) -> BodyTooLarge:
        """The error that tells the limit."""
        return BodyTooLarge(f"the limit is {self._max_body} bytes; send fewer rows, or raise MAX_BODY_BYTES")

    def _common_headers(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        """What every answer carries of its exchange; a draining server asks for its connections back."""
        headers = [(b"x-request-id", exchange.request_id.encode()), *exchange.quota]
        if self._phase.draining:
            headers.append((b"connection", b"close"))
        return headers


def _hardened(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """An answer's headers, completed by what it does not say for itself."""
    said = dict(headers)
    page = said.get(b"content-type", b"").startswith(b"text/html")
    return [*headers, *(pair for pair in (_PAGE_HARDENING if page else _HARDENING) if pair[0] not in said)]
