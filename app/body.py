"""Reading a request's body, within its limit and its time."""

from __future__ import annotations

from starlette.types import Receive, Scope

from app.endpoint import Headers
from app.errors import BodyTooLarge, MalformedBody, RequestTooSlow
from app.exchange import LATE


async def read_body(scope: Scope, headers: Headers, receive: Receive, most: int) -> bytes:
    """The body, refused as soon as it is known to exceed ``most`` bytes or its time (see `app.connection`)."""
    if int(headers.get(b"content-length", b"0")) > most:
        raise too_large(most)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise MalformedBody("the connection closed before the body was complete")
        chunk = message.get("body", b"")
        chunks.append(chunk)
        size += len(chunk)
        if size > most:
            raise too_large(most)
        if not message.get("more_body", False):
            return b"".join(chunks)
        if LATE in scope.get("state", ()):
            raise RequestTooSlow(f"{size} bytes of the body came in time; send it faster, or less of it")


def too_large(most: int) -> BodyTooLarge:
    """The error that tells the limit."""
    return BodyTooLarge(f"the limit is {most} bytes; send fewer rows, or raise MAX_BODY_BYTES")
