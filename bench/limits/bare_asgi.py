"""A bare ASGI application under uvicorn: no framework between the body and the model."""

from __future__ import annotations

import sys
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.limits.work import answers


def create(artifact: Path) -> ASGIApp:
    """The application that serves ``artifact``."""
    paths = answers(artifact)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body = message.get("body", b"")
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        content = paths[scope["path"]](body)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


if __name__ == "__main__":
    served = create(Path(sys.argv[2]))
    uvicorn.run(
        served, port=int(sys.argv[1]), lifespan="off", log_level="warning", access_log=False, server_header=False
    )
