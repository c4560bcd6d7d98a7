"""The ASGI layer by itself, in this process: what no client can provoke from outside."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import create_app
from app.artifact import load
from app.asgi import Gateway
from app.endpoint import Answer, Endpoint, Headers, Reply
from app.errors import to_problem
from app.logs import JsonFormatter
from app.metrics import Metrics
from app.model import Model
from app.phase import Phase
from app.settings import Settings
from tests.app.inside import ask
from tests.app.models import FLOWER
from tests.app.service import parse_metrics


@pytest.fixture
def metrics(flowers: Path) -> Metrics:
    return Metrics(Settings(), load(flowers).manifest)


def test_a_body_message_may_leave_out_what_asgi_gives_defaults(flowers: Path, metrics: Metrics) -> None:
    app = create_app(Settings(), Model(load(flowers)), Phase(), metrics)
    row = json.dumps(dict.fromkeys(FLOWER, 1.0)).encode()
    start, _ = ask(app, "/predict", {"type": "http.request", "body": row}, method="POST")
    assert start["status"] == 200
    start, body = ask(app, "/predict", {"type": "http.request"}, method="POST")
    assert (start["status"], json.loads(body["body"])["detail"][:17]) == (400, "the body is empty")


def test_requests_before_the_lifespan_began_are_told_that_the_server_starts(flowers: Path, metrics: Metrics) -> None:
    app = create_app(Settings(), Model(load(flowers)), Phase(), metrics)
    start, body = ask(app, "/health")
    assert start["status"] == 503
    assert "starting" in json.loads(body["body"])["detail"]


def test_the_lifespan_makes_it_ready_and_not_ready_again(flowers: Path, metrics: Metrics) -> None:
    phase = Phase()
    app = create_app(Settings(), Model(load(flowers)), phase, metrics)
    seen: list[tuple[str, bool]] = []
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        seen.append((message["type"], phase.ready))

    async def run() -> None:
        await app({"type": "lifespan"}, receive, send)

    asyncio.run(run())
    assert seen == [("lifespan.startup.complete", True), ("lifespan.shutdown.complete", False)]


def gateway(app: ASGIApp, metrics: Metrics, **answers: Answer) -> Gateway:
    """A gateway with these hot paths before ``app``."""
    endpoints = {f"/{name}": Endpoint(f"/{name}", answer) for name, answer in answers.items()}
    return Gateway(app, {"/slow/": "/slow"}, endpoints, metrics, Phase(), Settings(max_body_bytes=100))


async def nothing(_: Scope, __: Receive, ___: Send) -> None:
    """An application that is never asked."""
    raise AssertionError


def test_an_unforeseen_error_is_a_problem_that_leaks_nothing(
    metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: bytes, __: Headers) -> Reply:
        raise RuntimeError("the password is 1234")

    start, body = ask(gateway(nothing, metrics, fail=fail), "/fail", method="POST")
    problem = json.loads(body["body"])
    assert start["status"] == problem["status"] == 500
    assert b"1234" not in body["body"]
    (record,) = [record for record in caplog.records if record.name == "app.errors"]
    entry = json.loads(JsonFormatter().format(record))
    assert entry["error_id"] == problem["error_id"]
    assert entry["request_id"] == "one"
    assert "the password is 1234" in entry["traceback"]


def test_an_error_in_a_framework_endpoint_is_the_same_problem(
    flowers: Path, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("the password is 1234")

    monkeypatch.setattr(Metrics, "expose", fail)
    app = create_app(Settings(), Model(load(flowers)), Phase(), metrics)
    start, body = ask(app, "/metrics")
    assert start["status"] == 500
    assert dict(start["headers"])[b"content-type"] == b"application/problem+json"
    assert b"1234" not in body["body"]
    assert json.loads(body["body"])["error_id"]


def test_an_answer_that_breaks_off_is_not_mistaken_for_a_whole_one(metrics: Metrics) -> None:
    async def half(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError

    with pytest.raises(RuntimeError):
        ask(gateway(half, metrics), "/slow/")


def test_an_answer_keeps_what_it_says_for_itself(metrics: Metrics) -> None:
    own = [(b"content-type", b"text/html"), (b"content-security-policy", b"own"), (b"cache-control", b"max-age=60")]

    async def page(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": own})
        await send({"type": "http.response.body", "body": b""})

    start, _ = ask(gateway(page, metrics), "/slow/")
    names = [name for name, _ in start["headers"]]
    assert len(names) == len(set(names))
    assert dict(own).items() <= dict(start["headers"]).items()


def test_a_body_that_never_ends_is_answered_as_malformed_when_the_client_leaves(metrics: Metrics) -> None:
    async def answer(_: bytes, __: Headers) -> Reply:
        raise AssertionError

    first = {"type": "http.request", "body": b"{", "more_body": True}
    start, _ = ask(gateway(nothing, metrics, x=answer), "/x", first, {"type": "http.disconnect"}, method="POST")
    assert start["status"] == 400


def test_a_cancelled_request_is_told_that_the_server_shuts_down() -> None:
    problem, headers = to_problem(asyncio.CancelledError(), "one")
    assert problem.status == 503
    assert "retry-after" in headers


def test_requests_are_counted_before_the_last_byte_leaves(metrics: Metrics) -> None:
    async def answer(body: bytes, _: Headers) -> Reply:
        return Reply(body, 1)

    counted: list[float] = []
    app = gateway(nothing, metrics, echo=answer)

    async def run() -> None:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(_: Message) -> None:
            samples = parse_metrics(metrics.expose("")[0].decode())
            counted.append(samples['api_requests_total{endpoint="/echo",method="POST",status="200"}'])

        headers = [(b"content-type", b"application/json")]
        await app({"type": "http", "path": "/echo", "method": "POST", "headers": headers}, receive, send)

    asyncio.run(run())
    assert counted == [1, 1]


def test_a_heavy_model_predicts_in_a_thread_and_a_light_one_at_once(flowers: Path, slow: Path) -> None:
    assert Model(load(slow)).inline_rows == 0
    assert Model(load(flowers)).inline_rows > 1


def test_a_log_line_is_json_whatever_is_logged() -> None:
    record = logging.makeLogRecord(
        {"msg": 'a "b"\n%s', "args": ({1: 2},), "levelname": "INFO", "odd": {1, 2}, "n": None}
    )
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert json.loads(line) | {"message": 'a "b"\n{1: 2}', "severity": "INFO", "n": None} == json.loads(line)


def test_an_example_row_is_predicted_in_process(flowers: Path, metrics: Metrics) -> None:
    app = create_app(Settings(), Model(load(flowers)), Phase(), metrics)
    message = {"type": "http.request", "body": json.dumps(FLOWER).encode(), "more_body": False}
    start, body = ask(app, "/predict", message, method="POST")
    assert start["status"] == 200
    assert json.loads(body["body"])["prediction"] == "setosa"
