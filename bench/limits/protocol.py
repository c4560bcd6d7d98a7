"""A protocol of the event loop itself: httptools parses, and the answer is written where the request was read."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

import httptools
import uvloop

from bench.limits.work import Answer, answers

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class Connection(asyncio.Protocol):
    """One client; requests are answered in the order in which they come."""

    def __init__(self, paths: dict[str, Answer]) -> None:
        self._paths = paths
        self._url = b""
        self._body: list[bytes] = []
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where answers go."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse; httptools calls the methods below."""
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """A request begins."""
        self._url = url
        self._body = []

    def on_body(self, part: bytes) -> None:
        """A part of its body."""
        self._body.append(part)

    def on_message_complete(self) -> None:
        """The whole request is there: answer it."""
        assert self._transport  # noqa: S101 - asyncio calls connection_made first
        content = self._paths[self._url.decode()](b"".join(self._body))
        self._transport.write(HEAD % len(content) + content)


async def serve(port: int, artifact: Path) -> None:
    """Serve until the process is ended."""
    paths = answers(artifact)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(paths), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
