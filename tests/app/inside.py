"""The service's application asked in this process, without a server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
from starlette.types import ASGIApp, Message

from app.api import create_app
from app.artifact import load
from app.metrics import Metrics
from app.model import Model
from app.phase import Phase
from app.settings import Settings
from tests.app.service import parse_metrics

JSON = {"content-type": "application/json", "x-request-id": "one"}


def ask(
    app: ASGIApp, path: str, *messages: Message, method: str = "GET", headers: dict[str, str] | None = None
) -> list[Message]:
    """Send one request to ``app``; the messages it answers with."""
    incoming = list(messages) or [{"type": "http.request", "body": b"", "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if not incoming:
            await asyncio.Event().wait()
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        chosen = JSON if headers is None else headers
        pairs = [(name.lower().encode(), value.encode()) for name, value in chosen.items()]
        scope = {"type": "http", "path": path, "query_string": b"", "method": method, "headers": pairs}
        await app(scope, receive, send)

    asyncio.run(run())
    return sent


class Answer(msgspec.Struct):
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        """The content, which is JSON."""
        return json.loads(self.content)


class Application:
    """The application of one artifact, with everything that it counts."""

    def __init__(self, artifact: Path, **settings: Any) -> None:
        chosen = Settings(**settings)
        verified = load(artifact)
        self.manifest = verified.manifest
        self._metrics = Metrics(chosen, verified.manifest)
        self._app = create_app(chosen, Model(verified), Phase(), self._metrics)

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
        """The answer to ``body``: bytes, or what is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        start, end = ask(self._app, path, {"type": "http.request", "body": content}, method="POST", headers=headers)
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], found, end["body"])

    def metrics(self) -> dict[str, float]:
        """What has been counted."""
        return parse_metrics(self._metrics.expose("")[0].decode())
