"""Rows of the failure table while requests come: who is not hit notices nothing, and nobody gets a wrong answer."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import httpx

from app.artifact import MODEL
from tests.app import models
from tests.app.service import Service, Start, eventually

CLIENTS = 3
INFINITE = {"shelf": 3, "ratio": 0}


class Load:
    """Clients that ask good rows and one that the model fails on, until told to stop."""

    def __init__(self, service: Service) -> None:
        self.good = 0
        self.failed = 0
        self.broken: list[str] = []
        self._service = service
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask_good) for _ in range(CLIENTS)]
        self._threads.append(threading.Thread(target=self._ask_infinite))

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _ask_good(self) -> None:
        number = 0
        with httpx.Client(base_url=self._service.url, timeout=30) as client:
            while not self._stop.wait(0.002):
                number += 1
                row = {"shelf": number % 10, "ratio": 1 + number % 7}
                try:
                    answer = client.post("/predict", json=row)
                except httpx.TransportError as error:
                    self.broken.append(repr(error))
                    continue
                assert answer.status_code == 200
                assert answer.json()["prediction"] == row["shelf"] / row["ratio"]
                self.good += 1  # of several threads: a lower bound

    def _ask_infinite(self) -> None:
        with httpx.Client(base_url=self._service.url, timeout=30) as client:
            while not self._stop.wait(0.01):
                try:
                    answer = client.post("/predict", json=INFINITE)
                except httpx.TransportError as error:
                    self.broken.append(repr(error))
                    continue
                assert answer.status_code == 500
                assert answer.json()["error_id"]
                self.failed += 1


def goes_on(load: Load) -> None:
    """Wait until clients of both kinds have been answered again."""
    good, failed = load.good, load.failed
    eventually(lambda: load.good > good + 20 and load.failed > failed + 2)


def both_serve(service: Service) -> bool:
    """Whether both workers do."""
    return len(service.workers()) == 2 and service.metrics()["api_requests_limit"] == 512


def test_failing_predictions_dead_and_hung_workers_break_no_more_than_what_they_held(
    start_service: Start, tmp_path: Path
) -> None:
    artifact = models.fragile(tmp_path)
    service = start_service(artifact, WORKERS=2, HANG_SECONDS=3)
    eventually(lambda: both_serve(service))
    with Load(service) as load:
        goes_on(load)
        assert load.broken == []
        for number in (signal.SIGKILL, signal.SIGSTOP):
            victim = service.workers()[0]
            os.kill(victim, number)
            eventually(lambda victim=victim: victim not in service.workers())
            eventually(lambda: both_serve(service))
            goes_on(load)
        (file,) = artifact.rglob(MODEL)
        file.write_bytes(b"altered")  # what serves goes on with what it has verified
        goes_on(load)
    assert len(load.broken) <= 2 * (CLIENTS + 1)  # per fault and client the one request that the worker held
    assert service.client.get("/health").status_code == 200
    assert service.stop() == 0
