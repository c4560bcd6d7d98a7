"""More requests than can be answered: so many as may be are under way, the rest is told at once, none is lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from app.artifact import load
from app.asgi import Gateway
from app.endpoint import UNNAMED, Endpoint, Headers, Reply
from app.metrics import Metrics
from app.phase import Phase
from app.settings import Settings
from tests.app.service import Service, Start, eventually, parse_metrics

LIMIT = 4
CLIENTS = 24
EACH = 10
SHED = 'api_requests_shed_total{endpoint="/predict"}'


async def nothing(_: Scope, __: Receive, ___: Send) -> None:
    """An application that is never asked."""
    raise AssertionError


def answered(metrics: dict[str, float], status: int) -> float:
    """How many predictions were answered so."""
    return metrics[f'api_requests_total{{endpoint="/predict",method="POST",status="{status}"}}']


def test_never_more_than_the_limit_are_under_way(flowers: Path) -> None:
    """However they come: a thousand at once, each of which yields to the others before and while it is answered."""
    under_way, most = 0, 0
    statuses: Counter[int] = Counter()

    async def answer(body: bytes, _: Headers) -> Reply:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1
        return Reply(body, 1)

    async def receive() -> Message:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses[message["status"]] += 1

    metrics = Metrics(Settings(), load(flowers).manifest)
    endpoints = {"/predict": Endpoint("/predict", answer, (UNNAMED,))}
    app = Gateway(nothing, {}, endpoints, metrics, Phase(), Settings(max_concurrent_requests=LIMIT))

    async def run() -> None:
        scopes = [{"type": "http", "path": "/predict", "method": "POST", "headers": []} for _ in range(1_000)]
        async with asyncio.TaskGroup() as group:
            for number, scope in enumerate(scopes):
                group.create_task(app(scope, receive, send))
                if number % 10 == 0:
                    await asyncio.sleep(0.0005)

    asyncio.run(run())
    assert most == LIMIT
    assert statuses.keys() == {200, 503}
    assert statuses.total() == 1_000
    counted = parse_metrics(metrics.expose("")[0].decode())
    assert (answered(counted, 200), answered(counted, 503)) == (statuses[200], statuses[503])
    assert counted[SHED] == statuses[503]
    assert counted["api_requests_in_flight"] == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_accepted_and_what_is_shed_is_all_that_was_sent(start_service: Start, slow: Path, workers: int) -> None:
    service = start_service(slow, WORKERS=workers, MAX_CONCURRENT_REQUESTS=LIMIT)
    eventually(lambda: service.metrics()["api_requests_limit"] == LIMIT * workers)
    steps = steps_for(service, 0.02)
    received: list[int] = []
    together = threading.Barrier(CLIENTS)

    def ask() -> None:
        with httpx.Client(base_url=service.url, timeout=60) as client:
            together.wait()
            for _ in range(EACH):
                answer = client.post("/predict", json={"steps": steps})
                received.append(answer.status_code)
                if answer.status_code == 503:
                    assert answer.headers["retry-after"] == "1"

    before = service.metrics()
    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert service.client.get("/health").status_code == 200  # never shed
        time.sleep(0.05)
    outcomes = Counter(received)
    assert outcomes.keys() == {200, 503}
    assert outcomes.total() == CLIENTS * EACH
    after = service.metrics()
    for status in (200, 503):
        assert answered(after, status) - answered(before, status) == outcomes[status]
    assert after[SHED] == outcomes[503]
    assert after["api_requests_in_flight"] == 1  # the scrape itself
    for _ in range(LIMIT):
        assert service.client.post("/predict", json={"steps": steps}).status_code == 200
    assert "Traceback" not in service.log.read_text()


def steps_for(service: Service, seconds: float) -> int:
    """How many steps take the model so long."""
    steps = 10_000
    started = time.monotonic()
    assert service.client.post("/predict", json={"steps": steps}).status_code == 200
    return int(steps * seconds / (time.monotonic() - started))
