"""A worker whose event loop stands still is killed and replaced; one that is busy, or whose parent slept, is not."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tests.app.models import FLOWER
from tests.app.service import Service, Start, eventually

SECONDS = 3


def hung(service: Service) -> list[int]:
    """The workers that were killed, in order."""
    return [line["worker_pid"] for line in service.log_lines() if line["message"] == "worker hangs and is killed"]


def test_a_worker_that_hangs_is_killed_and_replaced(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, WORKERS=2, HANG_SECONDS=SECONDS)
    eventually(lambda: len(service.workers()) == 2)
    eventually(lambda: service.metrics()["api_requests_limit"] == 512)  # both serve
    victim, other = service.workers()
    os.kill(victim, signal.SIGSTOP)
    eventually(lambda: hung(service) == [victim])
    eventually(lambda: len(service.workers()) == 2 and victim not in service.workers())
    assert other in service.workers()
    eventually(lambda: service.metrics()["api_requests_limit"] == 512)
    for _ in range(20):
        assert service.client.post("/predict", json=FLOWER).status_code == 200
    assert service.stop() == 0


def test_a_worker_that_is_busy_for_longer_is_left_alone(start_service: Start, slow: Path) -> None:
    service = start_service(slow, WORKERS=2, HANG_SECONDS=SECONDS)
    eventually(lambda: len(service.workers()) == 2)
    before = service.workers()
    steps = 100_000

    def predict() -> float:
        started = time.monotonic()
        assert service.client.post("/predict", json={"steps": steps}).status_code == 200
        return time.monotonic() - started

    steps = int(steps * 2 * SECONDS / predict())
    assert predict() > SECONDS
    assert service.workers() == before
    assert not hung(service)


def test_no_worker_is_blamed_for_the_sleep_of_its_parent(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, WORKERS=2, HANG_SECONDS=SECONDS)
    eventually(lambda: len(service.workers()) == 2)
    eventually(lambda: service.metrics()["api_requests_limit"] == 512)
    before = service.workers()
    os.kill(service.process.pid, signal.SIGSTOP)
    time.sleep(SECONDS + 1)
    os.kill(service.process.pid, signal.SIGCONT)
    time.sleep(1)
    assert service.workers() == before
    assert not hung(service)
