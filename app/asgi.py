"""The outermost ASGI application: request ids, metrics, the error boundary, and the hot path in front of FastAPI.

Two kinds of requests pass: bodies to predict, answered here without a framework in between, and all the rest, which
FastAPI answers. Both get the same ids, counts and problems.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from time import perf_counter

import msgspec
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import PROBLEM_MEDIA_TYPE, BodyTooLarge, MalformedBody, UnsupportedMediaType, to_problem
from app.metrics import OTHER, Metrics
from app.phase import Phase

Answer = Callable[[bytes], Awaitable[bytes]]
Headers = list[tuple[bytes, bytes]]

_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_JSON = re.compile(rb'application/json(?:\s*;\s*charset="?utf-8"?)?\s*', re.IGNORECASE)


class Gateway:
    """Answers the paths of ``answers`` (POST, JSON in and out) itself and hands everything else to ``app``.

    ``paths`` are those of ``app``; requests to any other are counted together.
    """

    def __init__(
        self,
        app: ASGIApp,
        paths: Collection[str],
        answers: Mapping[str, Answer],
        metrics: Metrics,
        phase: Phase,
        max_body: int,
    ) -> None:
        self._app = app
        self._endpoints = {path: path.rstrip("/") for path in paths}
        self._answers = answers
        self._metrics = metrics
        self._phase = phase
        self._max_body = max_body
        self._prefix = secrets.token_hex(8)
        self._count = itertools.count(1)

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
        started = perf_counter()
        headers = dict(scope["headers"])
        request_id = self._request_id(headers)
        try:
            if scope["method"] != "POST":
                raise HTTPException(405, headers={"Allow": "POST"})
            _check_media_type(headers)
            content = await answer(await self._body(headers, receive))
            status, media_type, extra = 200, b"application/json", {}
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the boundary: every error becomes a problem
            problem, extra = to_problem(error, request_id)
            status, media_type, content = problem.status, PROBLEM_MEDIA_TYPE.encode(), msgspec.json.encode(problem)
        out = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(content)),
            *self._common_headers(request_id),
            *((name.lower().encode(), value.encode()) for name, value in extra.items()),
        ]
        self._metrics.answered(scope["path"], scope["method"], status, perf_counter() - started)
        await send({"type": "http.response.start", "status": status, "headers": out})
        await send({"type": "http.response.body", "body": content})

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have FastAPI answer, and add what every answer carries. Its errors are problems already (see `app.api`)."""
        started = perf_counter()
        endpoint = self._endpoints.get(scope["path"], OTHER)
        request_id = self._request_id(dict(scope["headers"]))
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        answered = False

        async def send_counted(message: Message) -> None:
            nonlocal status, answered
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *self._common_headers(request_id)]
            elif not message.get("more_body"):
                answered = True
                self._metrics.answered(endpoint, scope["method"], status, perf_counter() - started)
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        except Exception:
            # Starlette raises again what its handler has answered; any other error leaves an answer half sent.
            if not answered:
                raise

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

    def _request_id(self, headers: Mapping[bytes, bytes]) -> str:
        """The caller's id where it is sane, else the trace id of its trace context, else a new one."""
        if (given := headers.get(b"x-request-id")) and _SANE_ID.fullmatch(given):
            return given.decode()
        if (trace := headers.get(b"traceparent")) and (parts := _TRACEPARENT.fullmatch(trace)):
            return parts[1].decode()
        return f"{self._prefix}{next(self._count):016x}"

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
