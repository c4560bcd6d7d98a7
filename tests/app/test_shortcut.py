"""The short cut gives what uvicorn's own way gives, and is taken by plain requests alone."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from app.api import create_app
from app.artifact import load
from app.asgi import Gateway
from app.endpoint import Headers, Reply
from app.metrics import Metrics
from app.model import Model
from app.phase import Phase
from app.settings import Settings
from app.shortcut import Shortcut
from tests.app.models import FLOWER
from tests.app.service import BODY, Service, Start, parse_metrics
from tests.app.test_hostile import CASES, LIMIT, exchange, post

CHANGING = re.compile(rb"(?i)(date: .*|x-request-id: .*|\"instance\":\"[0-9a-f]+\")")


class Transport(asyncio.Transport):
    """Takes what is written, in place of a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 - asyncio's signature
        return default


class Line:
    """A connection to the application of the flowers, in this process."""

    def __init__(self, artifact: Path, **settings: Any) -> None:
        chosen = Settings(**settings)
        verified = load(artifact)
        self.metrics = Metrics(chosen, verified.manifest)
        self.phase = Phase()
        self.gateway = cast("Gateway", create_app(chosen, Model(verified), self.phase, self.metrics))
        self.loop = asyncio.new_event_loop()
        self.state = ServerState()
        config = uvicorn.Config(self.gateway, interface="asgi3", lifespan="off", log_config=None)
        self._protocol = Shortcut(
            config,
            self.state,
            {},
            self.loop,
            settings=chosen,
            metrics=self.metrics,
            gateway=self.gateway,
            phase=self.phase,
        )
        self.transport = Transport()
        self._protocol.connection_made(self.transport)

    def send(self, *pieces: bytes) -> bool:
        """Receive pieces of requests; whether they were answered without a task."""
        before = self.transport.written
        for piece in pieces:
            self._protocol.data_received(piece)
        return self.transport.written != before and not self.state.tasks

    def close(self) -> None:
        """Let what is under way end."""
        self._protocol.connection_lost(None)
        if self.state.tasks:
            self.loop.run_until_complete(asyncio.wait(self.state.tasks, timeout=5))
        self.loop.close()


@pytest.fixture
def line(flowers: Path) -> Iterator[Line]:
    found = Line(flowers)
    yield found
    found.close()


def test_a_plain_row_is_answered_without_a_task_and_counted(line: Line) -> None:
    assert line.send(post(BODY))
    head, _, content = line.transport.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"content-length: {len(content)}".encode() in head
    assert json.loads(content)["prediction"] == "setosa"
    counted = parse_metrics(line.metrics.expose("")[0].decode())
    assert counted['api_requests_total{endpoint="/predict",method="POST",status="200"}'] == 1
    assert counted["model_prediction_rows_total"] == 1
    assert counted["api_requests_in_flight"] == 0
    assert not line.transport.closed


def test_so_is_a_bad_row(line: Line) -> None:
    assert line.send(post(json.dumps(FLOWER | {"petal width (cm)": "wide"}).encode()))
    assert line.transport.written.startswith(b"HTTP/1.1 422 ")
    assert b"petal width (cm)" in line.transport.written


def test_pipelined_rows_are_answered_in_turn(line: Line) -> None:
    assert line.send(post(BODY) * 3)
    assert line.transport.written.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    "pieces",
    [
        (post(BODY)[:-5], post(BODY)[-5:]),
        (post(BODY).replace(b"/predict", b"/predict/batch"),),
        (post(BODY).replace(b"/predict", b"/predict?trace=1"),),
        (post(BODY).replace(b"HTTP/1.1", b"HTTP/1.0"),),
        (post(BODY).replace(b"Host", b"Expect: 100-continue\r\nHost"),),
        (b"GET /predict HTTP/1.1\r\nHost: x\r\n\r\n",),
    ],
    ids=["in two pieces", "a batch", "with a query", "HTTP/1.0", "that waits to continue", "another method"],
)
def test_what_is_not_plain_goes_the_long_way(line: Line, pieces: tuple[bytes, ...]) -> None:
    assert not line.send(*pieces)
    assert line.state.tasks


def test_a_row_behind_a_request_that_is_not_answered_yet_waits_for_its_turn(line: Line) -> None:
    assert not line.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + post(BODY))
    assert line.transport.written == b""


def test_a_model_that_takes_its_time_has_no_short_cut(slow: Path) -> None:
    line = Line(slow)
    assert line.gateway.short == {}
    line.close()


def test_an_endpoint_that_waits_after_all_is_an_error_and_blocks_nothing(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(_: bytes, __: Headers) -> Reply:
        await asyncio.sleep(0)
        return Reply(b"", 0)

    endpoint = line.gateway.short[b"/predict"]
    monkeypatch.setitem(line.gateway.short, b"/predict", type(endpoint)(endpoint.label, wait, at_once=True))
    assert line.send(post(BODY))
    assert line.transport.written.startswith(b"HTTP/1.1 500 ")


def test_a_draining_server_says_so_once_and_closes(line: Line) -> None:
    line.phase.draining = True
    assert line.send(post(BODY))
    assert line.transport.written.lower().count(b"connection: close") == 1
    assert line.transport.closed


def test_a_client_that_wants_no_more_is_told_and_left(line: Line) -> None:
    assert line.send(post(BODY).replace(b"Host", b"Connection: close\r\nHost"))
    assert line.transport.written.lower().count(b"connection: close") == 1
    assert line.transport.closed


@pytest.fixture(scope="module")
def both(start_service: Start, flowers: Path) -> tuple[Service, Service]:
    """One service with the short cut, one without."""
    with_it, without = (
        start_service(flowers, SHORTCUT=switch, MAX_BODY_BYTES=LIMIT, REQUEST_SECONDS=1) for switch in ("true", "false")
    )
    return with_it, without


@pytest.mark.parametrize("request_", [request for request, _ in CASES.values()], ids=CASES)
def test_both_ways_give_the_same_answer(both: tuple[Service, Service], request_: bytes) -> None:
    with_it, without = (CHANGING.sub(b"", exchange(service, request_)) for service in both)
    assert with_it == without
    assert with_it.startswith(b"HTTP/1.1 ")
