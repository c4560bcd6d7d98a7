"""The outermost ASGI application: ids, counts, traces, the error boundary, and the hot path in front of FastAPI.

Two kinds of requests pass: bodies to predict, answered here without a framework in between, and all the rest, which
FastAPI answers. Both get the same ids, counts and problems.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.endpoint import Endpoint, Headers, Reply
from app.errors import BodyTooLarge, MalformedBody, Overloaded, RequestTooSlow, to_answer
from app.exchange import LATE, AccessLog, Exchange, Reception
from app.metrics import OTHER, Metrics
from app.phase import Phase
from app.settings import Settings

if TYPE_CHECKING:
    from app.tracing import Tracing


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
            reply = await self._predict(endpoint, exchange, scope, headers, receive)
            status, media_type, content, extra = 200, reply.media_type, reply.content, reply.headers
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the boundary: every error becomes a problem
            failure = to_answer(error, exchange)
            status, media_type, content = failure.status, failure.media_type.encode(), failure.content
            extra = [(name.lower().encode(), value.encode()) for name, value in failure.headers.items()]
        out = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(content)),
            *self._common_headers(exchange.request_id),
            *extra,
        ]
        self._end(exchange, status)
        await send({"type": "http.response.start", "status": status, "headers": out})
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
        exchange = self._begin(scope, dict(scope["headers"]), self._labels.get(scope["path"], OTHER))
        scope.setdefault("state", {})["exchange"] = exchange
        status = 500
        answered = False

        async def send_counted(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *self._common_headers(exchange.request_id)]
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

    def _common_headers(self, request_id: str) -> list[tuple[bytes, bytes]]:
        """What every answer carries; a draining server asks for its connections back."""
        headers = [(b"x-request-id", request_id.encode())]
        if self._phase.draining:
            headers.append((b"connection", b"close"))
        return headers
