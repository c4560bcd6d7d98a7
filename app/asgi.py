"""The outermost ASGI application: ids, counts, traces, the error boundary, and the hot path in front of FastAPI.

Two kinds of requests pass: bodies to predict, answered here without a framework in between, and all the rest, which
FastAPI answers. Both get the same ids, counts and problems.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import PROBLEM_MEDIA_TYPE, BodyTooLarge, MalformedBody, Overloaded, UnsupportedMediaType, to_problem
from app.exchange import AccessLog, Exchange, Reception
from app.metrics import OTHER, Metrics
from app.phase import Phase
from app.settings import Settings

if TYPE_CHECKING:
    from app.tracing import Tracing

Answer = Callable[[bytes], Awaitable[tuple[bytes, int]]]
"""From a request's body to the answer's and the number of rows predicted."""
Headers = list[tuple[bytes, bytes]]

_JSON = re.compile(rb'application/json(?:\s*;\s*charset="?utf-8"?)?\s*', re.IGNORECASE)


class Gateway:
    """Answers the paths of ``answers`` (POST, JSON in and out) itself and hands everything else to ``app``.

    ``endpoints`` are the paths of ``app``, each with the label its requests are counted under; those to any other path
    are counted together.
    """

    def __init__(
        self,
        app: ASGIApp,
        endpoints: Mapping[str, str],
        answers: Mapping[str, Answer],
        metrics: Metrics,
        phase: Phase,
        settings: Settings,
        tracing: Tracing | None = None,
    ) -> None:
        self._app = app
        self._endpoints = endpoints
        self._answers = answers
        self._metrics = metrics
        self._phase = phase
        self._max_body = settings.max_body_bytes
        self._most_under_way = settings.max_concurrent_requests
        self._under_way = 0
        self._reception = Reception()
        self._log = AccessLog(settings.access_log_sample, settings.log_features)
        self._tracing = tracing
        for endpoint in answers:
            metrics.expect(endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the application's lifespan."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._metrics.in_flight.inc()
        try:
            answer = self._answers.get(scope["path"])
            if answer is None:
                await self._forward(scope, receive, send)
            else:
                await self._answer(answer, scope, receive, send)
        finally:
            self._metrics.in_flight.dec()

    async def _answer(self, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of the hot path."""
        headers = dict(scope["headers"])
        exchange = self._begin(scope, headers, scope["path"])
        try:
            content = await self._predict(answer, exchange, headers, receive)
            status, media_type, extra = 200, b"application/json", {}
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the boundary: every error becomes a problem
            problem, extra = to_problem(error, exchange.request_id, exchange.trace_id)
            status, media_type, content = problem.status, PROBLEM_MEDIA_TYPE.encode(), msgspec.json.encode(problem)
        out = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(content)),
            *self._common_headers(exchange.request_id),
            *((name.lower().encode(), value.encode()) for name, value in extra.items()),
        ]
        self._end(exchange, status)
        await send({"type": "http.response.start", "status": status, "headers": out})
        await send({"type": "http.response.body", "body": content})

    async def _predict(
        self, answer: Answer, exchange: Exchange, headers: Mapping[bytes, bytes], receive: Receive
    ) -> bytes:
        """The answer's body; what is beyond the limit is refused before any of it is read."""
        if exchange.method != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        if self._under_way >= self._most_under_way:
            exchange.shed = True
            self._metrics.shed(exchange.endpoint)
            raise Overloaded(f"{self._most_under_way} predictions are under way already; try again, or add replicas")
        self._under_way += 1
        try:
            _check_media_type(headers)
            exchange.body = await self._body(headers, receive)
            content, exchange.rows = await answer(exchange.body)
            return content
        finally:
            self._under_way -= 1

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have FastAPI answer, and add what every answer carries. Its errors are problems already (see `app.api`)."""
        exchange = self._begin(scope, dict(scope["headers"]), self._endpoints.get(scope["path"], OTHER))
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

    def _begin(self, scope: Scope, headers: Mapping[bytes, bytes], endpoint: str) -> Exchange:
        """Open the exchange of a request, and its span where requests are traced."""
        exchange = self._reception.open(scope, headers, endpoint)
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

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """The request's body, refused as soon as it is known to exceed the limit."""
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

    def _too_large(self) -> BodyTooLarge:
        """The error that tells the limit."""
        return BodyTooLarge(f"the limit is {self._max_body} bytes; send fewer rows, or raise MAX_BODY_BYTES")

    def _common_headers(self, request_id: str) -> Headers:
        """What every answer carries; a draining server asks for its connections back."""
        headers = [(b"x-request-id", request_id.encode())]
        if self._phase.draining:
            headers.append((b"connection", b"close"))
        return headers


def _check_media_type(headers: Mapping[bytes, bytes]) -> None:
    """Raise UnsupportedMediaType unless the body is plain JSON in UTF-8."""
    media_type = headers.get(b"content-type", b"")
    if media_type != b"application/json" and not _JSON.fullmatch(media_type):
        shown = media_type[:100].decode("latin-1") or "none"
        raise UnsupportedMediaType(f"the content type is {shown}; send application/json in UTF-8")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise UnsupportedMediaType("compressed bodies are not read; send it without Content-Encoding")
