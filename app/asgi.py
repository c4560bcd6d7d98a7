"""The outermost ASGI application: ids, counts, traces, the error boundary, and the hot path in front of FastAPI.

Two kinds of requests pass: bodies to predict, answered here without a framework in between, and all the rest, which
FastAPI answers. Both get the same ids, counts and problems.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.body import read_body, too_large
from app.endpoint import JSON, Endpoint, Headers, Reply
from app.errors import Overloaded, ServiceError, to_answer
from app.exchange import AccessLog, Exchange, Reception
from app.guard import Guard
from app.metrics import OTHER, Metrics
from app.phase import Phase
from app.settings import Settings
from app.shadow import PATHS, Shadow

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


class Finished(NamedTuple):
    """An answer that has been counted: what is left is to send it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    content: bytes


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
        shadow: Shadow | None = None,
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
        self._shadow = shadow
        for label in dict.fromkeys(endpoint.label for endpoint in endpoints.values()):
            metrics.expect(label)
        self.short = {path.encode(): endpoint for path, endpoint in endpoints.items() if endpoint.at_once}
        """The endpoints that answer at once, by the target of their requests."""

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

    def at_once(self, endpoint: Endpoint, scope: Scope, body: bytes) -> Finished:
        """The answer to a whole request, for an ``endpoint`` that never waits."""
        headers = dict(scope["headers"])
        exchange = self._begin(scope, headers, endpoint.label)
        try:
            self._admit(endpoint, exchange, headers)
            if len(body) > self._max_body:
                raise too_large(self._max_body)
            exchange.body = body
            reply = _now(endpoint.answer(body, headers))
        except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a problem
            return self._failed(error, exchange)
        return self._succeeded(reply, exchange, headers)

    async def _answer(self, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of the hot path."""
        headers = dict(scope["headers"])
        exchange = self._begin(scope, headers, endpoint.label)
        try:
            self._admit(endpoint, exchange, headers)
            reply = await self._predict(endpoint, exchange, scope, headers, receive)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the boundary: every error becomes a problem
            finished = self._failed(error, exchange)
        else:
            finished = self._succeeded(reply, exchange, headers)
        await _send(finished, send)

    def _admit(self, endpoint: Endpoint, exchange: Exchange, headers: Headers) -> None:
        """Raise what speaks against reading the body; what is beyond the limit is refused before any of it is."""
        if self._guard is not None:
            self._guard.admit(exchange, headers)
        if exchange.method != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        if self._under_way >= self._most_under_way:
            exchange.shed = True
            self._metrics.shed(exchange.endpoint)
            raise Overloaded(f"{self._most_under_way} predictions are under way already; try again, or add replicas")
        endpoint.check(headers)

    async def _predict(
        self, endpoint: Endpoint, exchange: Exchange, scope: Scope, headers: Headers, receive: Receive
    ) -> Reply:
        """The endpoint's reply to the body that is still to be read."""
        self._under_way += 1
        try:
            exchange.body = await read_body(scope, headers, receive, self._max_body)
            return await endpoint.answer(exchange.body, headers)
        finally:
            self._under_way -= 1

    def _succeeded(self, reply: Reply, exchange: Exchange, headers: Headers) -> Finished:
        """What answers a request with a reply."""
        exchange.rows = reply.rows
        if self._shadow is not None and reply.media_type == JSON and exchange.path in PATHS:
            self._shadow.offer(exchange.path, headers, exchange.body, reply.content)
        return self._finished(exchange, 200, reply.media_type, reply.content, reply.headers)

    def _failed(self, error: BaseException, exchange: Exchange) -> Finished:
        """What answers a request with its error."""
        failure = to_answer(error, exchange)
        extra = [(name.lower().encode(), value.encode()) for name, value in failure.headers.items()]
        return self._finished(exchange, failure.status, failure.media_type.encode(), failure.content, extra)

    def _finished(
        self,
        exchange: Exchange,
        status: int,
        media_type: bytes,
        content: bytes,
        extra: Iterable[tuple[bytes, bytes]],
    ) -> Finished:
        """End an exchange with its answer."""
        headers = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(content)),
            *_HARDENING,
            *self._common_headers(exchange),
            *extra,
        ]
        self._end(exchange, status)
        return Finished(status, headers, content)

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have FastAPI answer, and add what every answer carries. Its errors are problems already (see `app.api`)."""
        headers = dict(scope["headers"])
        exchange = self._begin(scope, headers, self._labels.get(scope["path"], OTHER))
        if self._guard is not None:
            try:
                self._guard.admit(exchange, headers)
            except ServiceError as error:
                await _send(self._failed(error, exchange), send)
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

    def _common_headers(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        """What every answer carries of its exchange; a draining server asks for its connections back."""
        headers = [(b"x-request-id", exchange.request_id.encode()), *exchange.quota]
        if self._phase.draining:
            headers.append((b"connection", b"close"))
        return headers


def _now(answer: Coroutine[Any, Any, Reply]) -> Reply:
    """The result of a coroutine that awaits nothing that is not there."""
    try:
        answer.send(None)
    except StopIteration as done:
        return done.value
    answer.close()
    raise RuntimeError("an endpoint that answers at once waited")


async def _send(finished: Finished, send: Send) -> None:
    """Hand an answer to the server."""
    await send({"type": "http.response.start", "status": finished.status, "headers": finished.headers})
    await send({"type": "http.response.body", "body": finished.content})


def _hardened(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """An answer's headers, completed by what it does not say for itself."""
    said = dict(headers)
    page = said.get(b"content-type", b"").startswith(b"text/html")
    return [*headers, *(pair for pair in (_PAGE_HARDENING if page else _HARDENING) if pair[0] not in said)]
