"""The endpoints of the hot path: what they are given, what they answer, and which bodies they read."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from app.errors import UnsupportedMediaType

JSON = b"application/json"
UNNAMED = b""
"""Among an endpoint's media types: a request may leave its content type out."""

_MEDIA_TYPE = re.compile(rb'([^\s;]+)(?:\s*;\s*charset="?utf-8"?)?\s*', re.IGNORECASE)

_WEIGHT = re.compile(rb"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")

Headers = Mapping[bytes, bytes]
"""A request's headers, names in lower case; of a repeated one the last."""


class Reply(msgspec.Struct, gc=False):
    """A successful answer: its body, how many rows were predicted, and the headers that are its own."""

    content: bytes
    rows: int
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


Answer = Callable[[bytes, Headers], Coroutine[Any, Any, Reply]]
"""From a request's body and headers to its answer; raises what `app.errors` knows."""


class Endpoint(msgspec.Struct, frozen=True):
    """Answers POST requests with a body of one of ``media_types``. ``label`` names it in metrics and traces.

    Its answers wait for nothing, neither a thread nor another task, where ``at_once`` says so.
    """

    label: str
    answer: Answer
    media_types: tuple[bytes, ...] = (JSON,)
    at_once: bool = False

    def check(self, headers: Headers) -> None:
        """Raise UnsupportedMediaType unless the body is of one of the media types, in UTF-8 and not compressed."""
        given = headers.get(b"content-type", UNNAMED)
        if given not in self.media_types:
            found = _MEDIA_TYPE.fullmatch(given)
            if found is None or found[1].lower() not in self.media_types:
                shown = given[:100].decode("latin-1") or "none"
                raise UnsupportedMediaType(f"the content type is {shown}", self._readable())
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise UnsupportedMediaType("the body is compressed; send it without Content-Encoding", self._readable())

    def _readable(self) -> list[str]:
        """The media types by name."""
        return [media_type.decode() for media_type in self.media_types if media_type]


def is_of(media_type: bytes, headers: Headers) -> bool:
    """Whether a body, whose content type has been checked, is of ``media_type``."""
    return headers.get(b"content-type", UNNAMED).partition(b";")[0].strip().lower() == media_type


def prefers(media_type: bytes, headers: Headers) -> bool:
    """Whether ``Accept`` names ``media_type`` and ranks it no lower than JSON (RFC 9110, section 12.5.1)."""
    accept = headers.get(b"accept", b"").lower()
    if media_type not in accept:
        return False
    quality: dict[bytes, float] = {}
    for item in accept.split(b","):
        name, *parameters = (part.strip() for part in item.split(b";"))
        quality[name] = next((_quality(text[2:]) for text in parameters if text.startswith(b"q=")), 1.0)
    return quality.get(media_type, 0.0) > 0 and quality[media_type] >= quality.get(JSON, 0.0)


def _quality(text: bytes) -> float:
    """A weight; what is none counts as 0."""
    return float(text) if _WEIGHT.fullmatch(text) else 0.0
