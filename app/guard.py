"""Who may ask, how often, and from which pages: all off unless it is set."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from pathlib import Path

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from app.endpoint import Headers
from app.errors import TooManyRequests
from app.exchange import Exchange
from app.keys import Keys
from app.settings import Settings
from app.start import StartError

OPEN = frozenset({"/health", "/health/live", "/v2/health/live", "/v2/health/ready"})
"""Paths for which nobody needs a key: those that orchestrators ask."""
WINDOW_SECONDS = 60


class Guard:
    """Admits requests with known keys; each may send ``most`` in a minute, or any number where that is None.

    For the paths in ``unguarded`` nobody needs a key.
    """

    def __init__(
        self,
        keys: Keys,
        most: int | None,
        unguarded: Collection[str] = OPEN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = keys
        self._most = most
        self._unguarded = frozenset(unguarded)
        self._clock = clock
        self._policy = f'"minute";q={most};w={WINDOW_SECONDS}'.encode()
        self._windows: dict[str, tuple[float, int]] = {}

    def admit(self, exchange: Exchange, headers: Headers) -> None:
        """Note who asks and what is left to them; raises Unauthorized or TooManyRequests.

        The headers are those of draft-ietf-httpapi-ratelimit-headers-10: quota and window, remainder and time.
        """
        if exchange.path in self._unguarded:
            return
        exchange.caller = self._keys.name_of_caller(headers)
        if self._most is None:
            return
        now = self._clock()
        began, count = self._windows.get(exchange.caller, (now, 0))
        if now - began >= WINDOW_SECONDS:
            began, count = now, 0
        self._windows[exchange.caller] = began, count + 1
        left, seconds = max(0, self._most - count - 1), math.ceil(began + WINDOW_SECONDS - now)
        exchange.quota = (
            (b"ratelimit-policy", self._policy),
            (b"ratelimit", b'"minute";r=%d;t=%d' % (left, seconds)),
        )
        if count >= self._most:
            raise TooManyRequests(f"the API key may send {self._most} requests in a minute", seconds)


def load_guard(settings: Settings, pages: Collection[str] = ()) -> Guard | None:
    """The guard that the settings ask for, with ``pages`` open beside `OPEN`; raises StartError."""
    if settings.api_keys_file is None:
        if settings.rate_limit is not None:
            raise StartError(
                f"RATE_LIMIT={settings.rate_limit}: the limit is that of an API key; set API_KEYS_FILE too"
            )
        return None
    return Guard(Keys(Path(settings.api_keys_file)), settings.rate_limit, OPEN.union(pages))


def cors(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """``app`` for the pages of ``origins``. It answers their preflight requests itself, which carry no key."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST"),
        allow_headers=("Authorization", "Inference-Header-Content-Length", "Traceparent", "X-API-Key", "X-Request-ID"),
        expose_headers=(
            "Inference-Header-Content-Length",
            "RateLimit",
            "RateLimit-Policy",
            "Retry-After",
            "X-Request-ID",
        ),
    )
