"""Mixed traffic for a while: every answer is the expected one, all of it is counted, memory and descriptors stay flat.

Half a minute by itself; ``make soak MINUTES=60`` for an hour.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.app.service import Service, Start, eventually
from tests.app.v2.clients import request, texts

SECONDS = float(os.environ.get("SOAK_MINUTES", "0.5")) * 60
WARM_UP = 0.4  # of the time: allocators and caches reach their size
CLIENTS = 3
MIB = 1 << 20
JSON = {"content-type": "application/json"}

Ask = tuple[str, str, bytes, dict[str, str], int]
"""Method, path, body, headers and the status expected."""


def traffic() -> list[Ask]:
    """One round of what a service is asked, good and bad; rows differ, so that nothing is answered from a cache."""
    generator = np.random.default_rng(7)
    asked: list[Ask] = []
    for age, income in generator.uniform(0, 10, (20, 2)).tolist():
        row = {"age": age, "region": "east", "income": income, "owns_home": age > 5}
        many = {"instances": [row | {"age": age + step / 100} for step in range(100)]}
        asked += [
            ("POST", "/predict", json.dumps(row).encode(), JSON, 200),
            ("POST", "/predict", json.dumps(row | {"region": None}).encode(), JSON, 422),
            ("POST", "/predict/batch", json.dumps(many).encode(), JSON, 200),
        ]
    columns = {"age": np.arange(50.0), "region": texts(*["süd"] * 50), "owns_home": np.arange(50) % 2 == 0}
    for binary in (True, False):
        body, headers = request(columns, binary=binary)
        asked.append(("POST", "/v2/models/loans/infer", body, headers, 200))
    return [
        *asked,
        ("POST", "/v2/models/loans/infer", b"{}", {}, 422),
        ("POST", "/predict", b"{", JSON, 400),
        ("POST", "/predict", b"\xff" * 1_000, JSON, 400),
        ("POST", "/predict/batch", b" " * 60_000, JSON, 413),
        ("POST", "/predict", b"a=1", {"content-type": "application/x-www-form-urlencoded"}, 415),
        ("GET", "/predict", b"", {}, 405),
        ("GET", "/health", b"", {}, 200),
        ("GET", "/health/live", b"", {}, 200),
        ("GET", "/model", b"", {}, 200),
        ("GET", "/openapi.json", b"", {}, 200),
        ("GET", "/v2/models/loans", b"", {}, 200),
        ("GET", "/metrics", b"", {}, 200),
        ("GET", "/nowhere", b"", {}, 404),
    ]


def ask_until(url: str, end: float, kept: bool, sent: list[tuple[str, str, int]]) -> None:
    """Ask all of `traffic` again and again until ``end``; over one connection, or a new one for each request."""
    limits = httpx.Limits(max_keepalive_connections=None if kept else 0)
    with httpx.Client(base_url=url, timeout=60, limits=limits) as client:
        while time.monotonic() < end:
            for method, path, body, headers, expected in traffic():
                answer = client.request(method, path, content=body, headers=headers)
                assert answer.status_code == expected, (path, body[:200], answer.text)
                sent.append((path, method, expected))


def processes(service: Service) -> list[int]:
    """The server's process and its workers."""
    return [service.process.pid, *service.workers()]


def resident(service: Service) -> int:
    """The memory of all of them in bytes, shared parts once for each."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in processes(service))
    return pages * os.sysconf("SC_PAGE_SIZE")


def descriptors(service: Service) -> int:
    """How many files and sockets they have open."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in processes(service))


def run(service: Service, seconds: float) -> Counter[tuple[str, str, int]]:
    """`CLIENTS` at once for so long; what was sent."""
    end = time.monotonic() + seconds
    sent: list[list[tuple[str, str, int]]] = [[] for _ in range(CLIENTS)]
    threads = [
        threading.Thread(target=ask_until, args=(service.url, end, number > 0, sent[number]))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(map(Counter, sent), Counter())


def label(path: str) -> str:
    """How a path is counted."""
    if path.startswith("/v2/models/loans"):
        return path.replace("loans", "{name}")
    return path if path != "/nowhere" else "other"


@pytest.mark.timeout(SECONDS + 300)
@pytest.mark.parametrize("workers", [1, 2])
def test_mixed_traffic_leaves_memory_and_descriptors_flat_and_is_counted_to_the_last_request(
    start_service: Start, loans: Path, workers: int
) -> None:
    service = start_service(loans, WORKERS=workers, MAX_BODY_BYTES=50_000)
    eventually(lambda: service.metrics()["api_requests_limit"] == 256 * workers)
    sent = run(service, SECONDS / 2 * WARM_UP)
    eventually(lambda: service.metrics()["api_requests_in_flight"] == 1)
    before, opened = resident(service), descriptors(service)
    sent += run(service, SECONDS / 2 * (1 - WARM_UP))
    eventually(lambda: service.metrics()["api_requests_in_flight"] == 1)
    eventually(lambda: descriptors(service) <= opened)
    assert resident(service) - before < 6 * MIB * workers
    metrics = service.metrics()
    for (path, method, status), count in sent.items():
        if path != "/metrics":  # which this test asks, too
            name = f'api_requests_total{{endpoint="{label(path)}",method="{method}",status="{status}"}}'
            assert metrics[name] == count, name
    rows = sum(count * rows_of(path) for (path, _, status), count in sent.items() if status == 200)
    assert metrics["model_prediction_rows_total"] == rows
    assert not any("500" in name and value for name, value in metrics.items() if name.startswith("api_requests_total"))
    assert "Traceback" not in service.log.read_text()
    assert service.stop() == 0


def rows_of(path: str) -> int:
    """How many rows a good request to ``path`` holds."""
    return {"/predict": 1, "/predict/batch": 100, "/v2/models/loans/infer": 50}.get(path, 0)
