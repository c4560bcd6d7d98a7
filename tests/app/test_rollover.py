"""Rolling restarts behind a real proxy under load: no request fails, and none is tried a second time to make it so."""

from __future__ import annotations

import subprocess
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.app.models import FLOWER
from tests.app.service import Service, Start, client, eventually, free_port

pytestmark = pytest.mark.proxy

CLIENTS = 4
SETTINGS = {"DRAIN_SECONDS": 0.5, "SHUTDOWN_SECONDS": 5}

# Asks for health often, so that the test need not wait; retries nothing, so that it hides nothing.
CONFIGURATION = """
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout check 10s
  retries 0
  option httpchk GET /health
  http-check expect status 200
  default-server check inter 50ms fall 1 rise 1
frontend public
  bind 127.0.0.1:{public}
  default_backend service
backend service
  balance roundrobin
  server one 127.0.0.1:{one}
  server two 127.0.0.1:{two}
"""


@contextmanager
def proxy(directory: Path, public: int, one: int, two: int) -> Generator[str]:
    """HAProxy before two servers; its URL."""
    file = directory / "haproxy.cfg"
    file.write_text(CONFIGURATION.format(public=public, one=one, two=two))
    process = subprocess.Popen(["haproxy", "-W", "-db", "-f", str(file)], stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{public}"
        with client(url) as asking:
            eventually(lambda: is_ready(asking))
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def is_ready(asking: httpx.Client) -> bool:
    """Whether the proxy listens, and knows a server that is ready."""
    try:
        return asking.get("/health").status_code == 200
    except httpx.ConnectError:
        return False


class Load:
    """Clients that ask one request after the other over connections that they keep, until told to stop."""

    def __init__(self, url: str) -> None:
        self.outcomes: Counter[str] = Counter()
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _ask(self) -> None:
        with httpx.Client(base_url=self._url, timeout=30) as asking:
            while not self._stop.wait(0.002):
                try:
                    answer = asking.post("/predict", json=FLOWER)
                    self.outcomes["answered" if answer.status_code == 200 else answer.text] += 1
                except httpx.HTTPError as error:
                    self.outcomes[repr(error)] += 1


def predicted(service: Service) -> float:
    """How many predictions a server has answered."""
    return service.metrics()['api_requests_total{endpoint="/predict",method="POST",status="200"}']


@pytest.mark.parametrize(("workers", "restarts"), [(1, 4), (2, 20)])
def test_no_request_fails_in_rolling_restarts_under_load(
    start_service: Start, flowers: Path, tmp_path: Path, workers: int, restarts: int
) -> None:
    ports = free_port(), free_port()
    assert len(set(ports)) == 2
    servers = [start_service(flowers, PORT=port, WORKERS=workers, **SETTINGS) for port in ports]
    with proxy(tmp_path, free_port(), *ports) as url, Load(url) as load:
        for number in range(restarts):
            place = number % 2
            assert servers[place].stop() == 0
            assert "Traceback" not in servers[place].log.read_text()
            servers[place] = start_service(flowers, PORT=ports[place], WORKERS=workers, **SETTINGS)
            eventually(lambda place=place: predicted(servers[place]) > 0)  # the proxy has taken it back
    assert set(load.outcomes) == {"answered"}
    assert load.outcomes["answered"] > restarts * CLIENTS
