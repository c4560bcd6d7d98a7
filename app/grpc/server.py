"""The gRPC server in front of the application: each call is one request to it."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import msgspec
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from starlette.types import ASGIApp, Message

from app.errors import PROTOCOL
from app.grpc.messages import SERVICE, message
from app.grpc.translate import Call, CallError, Headers, infer, inferred, model_path
from app.settings import Settings

_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}
"""What statuses of HTTP are called; any other speaks of the caller's argument."""
_TOLD = (b"x-request-id", b"retry-after", b"ratelimit", b"ratelimit-policy")
"""Headers of an answer that a caller gets as metadata."""
_HEAD_BYTES = 65536  # what names, shapes and parameters of a message may take beside the tensors
_TEXT_BYTES = 2048  # of a refusal: each may be sent as three, and clients drop calls with metadata beyond 8 KiB

_Context = grpc.aio.ServicerContext[Any, Any]
_Answer = Callable[[Any, _Context], Awaitable[Any]]


class GrpcServer:
    """Serves ``app`` on ``GRPC_PORT`` once it is started; workers share the port."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._under_way: set[asyncio.Future[None]] = set()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Take calls."""
        most = self._settings.max_body_bytes + _HEAD_BYTES
        self._server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", most), ("grpc.so_reuseport", 1)],
            maximum_concurrent_rpcs=self._settings.max_connections,
        )
        answers: dict[str, _Answer] = {
            "ServerLive": functools.partial(self._whether, "live", lambda _: f"{PROTOCOL}/health/live"),
            "ServerReady": functools.partial(self._whether, "ready", lambda _: f"{PROTOCOL}/health/ready"),
            "ModelReady": functools.partial(
                self._whether, "ready", lambda asked: model_path(asked.name, asked.version, "/ready")
            ),
            "ServerMetadata": functools.partial(self._metadata, "ServerMetadataResponse", lambda _: PROTOCOL),
            "ModelMetadata": functools.partial(
                self._metadata, "ModelMetadataResponse", lambda asked: model_path(asked.name, asked.version)
            ),
            "ModelInfer": self._infer,
        }
        handlers = {name: _handler(name, answer, self._settings.request_seconds) for name, answer in answers.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        host = self._settings.host
        self._server.add_insecure_port(f"{f'[{host}]' if ':' in host else host}:{self._settings.grpc_port}")
        await self._server.start()

    async def stop(self, seconds: float) -> None:
        """Take no more calls, and give those under way so long to finish."""
        if self._server is not None:
            await self._server.stop(seconds)
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _whether(self, field: str, path: Callable[[Any], str], asked: Any, context: _Context) -> Any:
        """Whether the service or its model is as asked: a model that is not here is not ready, which is no error."""
        status, headers, body = await self._ask(Call("GET", path(asked), [], b""), context)
        if status not in (200, 404, 503):
            await _abort(context, status, headers, body)
        kind = type(asked).DESCRIPTOR.name.removesuffix("Request")
        return message(f"{kind}Response")(**{field: status == 200})

    async def _metadata(self, kind: str, path: Callable[[Any], str], asked: Any, context: _Context) -> Any:
        """What the JSON of a path says, as far as the message has fields for it."""
        status, headers, body = await self._ask(Call("GET", path(asked), [], b""), context)
        if status != 200:
            await _abort(context, status, headers, body)
        return json_format.Parse(body, message(kind)(), ignore_unknown_fields=True)

    async def _infer(self, asked: Any, context: _Context) -> Any:
        """The model's outputs."""
        try:
            call = infer(asked, self._settings.max_body_bytes)
        except CallError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        status, headers, body = await self._ask(call, context)
        if status != 200:
            await _abort(context, status, headers, body)
        return inferred(headers, body)

    async def _ask(self, call: Call, context: _Context) -> tuple[int, Headers, bytes]:
        """What the application answers: status, headers and body. The call's metadata are the request's headers."""
        headers = [(name.encode(), _octets(value)) for name, value in context.invocation_metadata() or ()]
        own = {name for name, _ in call.headers}
        scope: dict[str, Any] = {
            "type": "http", "http_version": "2", "method": call.method, "scheme": "http", "path": call.path,
            "raw_path": call.path.encode(), "query_string": b"", "root_path": "", "client": None, "server": None,
            "headers": [*call.headers, *(pair for pair in headers if pair[0] not in own)],
        }  # fmt: skip
        start: Message = {}
        parts: list[bytes] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": call.body, "more_body": False}

        async def send(part: Message) -> None:
            if part["type"] == "http.response.start":
                start.update(part)
            else:
                parts.append(part.get("body", b""))

        # A caller that gives up ends the call, but not the work: as over HTTP it keeps its place until it is done, and
        # is no failure of the service.
        work = asyncio.ensure_future(self._app(scope, receive, send))
        self._under_way.add(work)
        work.add_done_callback(self._under_way.discard)
        await asyncio.shield(work)
        await context.send_initial_metadata(_told(start["headers"]))
        return start["status"], start["headers"], b"".join(parts)


def _handler(name: str, answer: _Answer, seconds: int) -> Any:
    """What gRPC calls for the method ``name``, whose message has ``seconds`` to arrive.

    On the wire a call with one message is a stream of one; only streams leave waiting for it to the service.
    """
    kind = message(f"{name}Request")

    async def answer_one(messages: AsyncIterator[bytes], context: _Context) -> Any:
        try:
            async with asyncio.timeout(seconds):
                sent = await anext(messages)
            asked = kind.FromString(sent)
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, f"the message took longer than {seconds} s")
        except (StopAsyncIteration, DecodeError):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"the call has no {name}Request that can be read")
        return await answer(asked, context)

    return grpc.stream_unary_rpc_method_handler(
        answer_one,  # pyright: ignore[reportArgumentType]  # grpc.aio takes coroutines, the stubs name functions
        response_serializer=_serialized,
    )


def _serialized(response: Any) -> bytes:
    """A message as it is sent."""
    return response.SerializeToString()


async def _abort(context: _Context, status: int, headers: Headers, body: bytes) -> None:
    """End a call with what the application said of it."""
    text: str = msgspec.json.decode(body).get("error", "") if body else ""
    if len(text.encode()) > _TEXT_BYTES:
        text = text.encode()[:_TEXT_BYTES].decode(errors="ignore") + "…"
    await context.abort(_CODES.get(status, grpc.StatusCode.INVALID_ARGUMENT), text, _told(headers))


def _told(headers: Headers) -> tuple[tuple[str, str], ...]:
    """The headers that a caller gets as metadata."""
    return tuple((name.decode(), value.decode()) for name, value in headers if name in _TOLD)


def _octets(value: str | bytes) -> bytes:
    """A value of metadata as it stood on the wire."""
    return value if isinstance(value, bytes) else value.encode()
