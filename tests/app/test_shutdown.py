"""Stopping: readiness falls, what is under way is finished, the exit status is 0 and no traceback is seen."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.app.models import FLOWER
from tests.app.service import BODY, Service, Start, eventually, half_a_request


def in_flight(service: Service) -> float:
    return service.metrics()["api_requests_in_flight"] - 1  # without the scrape


def answer_of(connection: socket.socket) -> bytes:
    """All that comes back until the server closes."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("count", [1, 2])
def test_a_request_in_flight_is_finished_before_the_exit(
    start_service: Start, flowers: Path, number: int, count: int
) -> None:
    service = start_service(flowers, WORKERS=count)
    connection = half_a_request(service)
    eventually(lambda: in_flight(service) == 1)
    service.process.send_signal(number)
    eventually(lambda: any(line["message"] == "draining" for line in service.log_lines()))
    connection.sendall(BODY[10:])
    answer = answer_of(connection)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer
    assert b'"prediction":"setosa"' in answer
    assert service.process.wait(timeout=30) == 0
    assert "Traceback" not in service.log.read_text()
    assert service.log_lines()[-1]["message"] == "stopped"


@pytest.mark.parametrize("count", [1, 2])
def test_readiness_falls_at_once_and_requests_are_accepted_while_it_drains(
    start_service: Start, flowers: Path, count: int
) -> None:
    service = start_service(flowers, WORKERS=count, DRAIN_SECONDS=2)
    eventually(lambda: len(service.workers()) == (2 if count == 2 else 0))
    service.process.send_signal(signal.SIGTERM)
    eventually(lambda: service.client.get("/health").status_code == 503)
    health = service.client.get("/health")
    assert health.headers["content-type"] == "application/problem+json"
    assert health.headers["retry-after"] == "1"
    assert "shutting down" in health.json()["detail"]
    assert service.client.get("/health/live").status_code == 200
    prediction = service.client.post("/predict", json=FLOWER)
    assert prediction.status_code == 200
    assert prediction.headers["connection"] == "close"
    assert service.process.wait(timeout=30) == 0
    with pytest.raises(httpx.ConnectError):
        service.client.get("/health")


def test_a_second_signal_ends_the_drain_time(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, DRAIN_SECONDS=600)
    service.process.send_signal(signal.SIGTERM)
    eventually(lambda: service.client.get("/health").status_code == 503)
    assert service.stop() == 0


@pytest.mark.parametrize("count", [1, 2])
def test_a_request_that_never_ends_does_not_keep_the_server(start_service: Start, flowers: Path, count: int) -> None:
    service = start_service(flowers, WORKERS=count, SHUTDOWN_SECONDS=1)
    connection = half_a_request(service)
    eventually(lambda: in_flight(service) == 1)
    assert service.stop() == 0
    assert answer_of(connection).startswith(b"HTTP/1.1 503 ")
    assert "Traceback" not in service.log.read_text()


def test_under_load_every_accepted_request_is_answered(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, DRAIN_SECONDS=1)
    outcomes: Counter[str] = Counter()

    def ask() -> None:
        """Ask until the server asks for its connection back, which it does as soon as it drains."""
        with httpx.Client(base_url=service.url, timeout=30) as client:
            while True:
                answer = client.post("/predict", json=FLOWER)
                outcomes[str(answer.status_code)] += 1
                if answer.headers.get("connection") == "close":
                    return

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: outcomes["200"] > 50)
    service.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert set(outcomes) == {"200"}
    assert service.process.wait(timeout=30) == 0


def test_workers_do_not_outlive_their_parent(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, WORKERS=2)
    eventually(lambda: len(service.workers()) == 2)
    orphans = service.workers()
    eventually(lambda: sum(line["message"] == "serving" for line in service.log_lines()) == 1)
    service.process.kill()
    service.process.wait(timeout=30)
    eventually(lambda: not any(is_serving(pid) for pid in orphans))


def is_serving(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_nothing_is_left_behind(start_service: Start, flowers: Path, tmp_path: Path) -> None:
    service = start_service(flowers, WORKERS=2, TMPDIR=tmp_path)
    eventually(lambda: len(service.workers()) == 2)
    children = service.workers()
    assert list(tmp_path.iterdir())
    assert service.stop(signal.SIGINT) == 0
    assert not list(tmp_path.iterdir())
    assert not any(is_serving(pid) for pid in children)
    assert "Traceback" not in service.log.read_text()


def test_a_worker_that_hangs_at_the_end_is_killed(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, WORKERS=2, SHUTDOWN_SECONDS=1)
    eventually(lambda: len(service.workers()) == 2)
    victim = service.workers()[0]
    os.kill(victim, signal.SIGSTOP)
    assert service.stop() == 0
    assert not is_serving(victim)
    assert any(line["message"] == "workers hang and are killed" for line in service.log_lines())
