"""Another release is asked the same, beside the answers: agreement is counted, and callers notice nothing of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app.keys import make
from tests.app import models
from tests.app.models import FLOWER
from tests.app.service import Service, Start, eventually, free_port

OUTCOMES = ("same", "different", "failed", "dropped")
FEW, MANY = 20, 300


def outcomes(service: Service) -> dict[str, float]:
    """What became of the copies so far."""
    found = service.metrics()
    return {outcome: found[f'model_shadow_requests_total{{outcome="{outcome}"}}'] for outcome in OUTCOMES}


def ask(service: Service, count: int, instance: object = FLOWER) -> None:
    """So many rows, one by one, and one batch; all must be answered."""
    for _ in range(count):
        assert service.client.post("/predict", json=instance).status_code == 200
    batch = service.client.post("/predict/batch", json={"instances": [instance, instance]})
    assert batch.status_code == 200


def test_a_release_that_predicts_the_same_is_told_from_one_that_does_not(
    start_service: Start, flowers: Path, prices: Path, tmp_path: Path
) -> None:
    same = start_service(flowers)
    service = start_service(flowers, SHADOW_URL=same.url)
    ask(service, FEW)
    eventually(lambda: outcomes(service)["same"] == FEW + 1)
    assert sum(outcomes(service).values()) == FEW + 1
    assert same.metrics()["model_prediction_rows_total"] == FEW + 2
    assert service.client.post("/predict", json={"wrong": 1}).status_code == 422
    assert service.stop() == 0, "what was refused is not sent"
    assert same.metrics()["model_prediction_rows_total"] == FEW + 2

    dearer = start_service(models.prices(tmp_path / "dearer", room=4.0))
    priced = start_service(prices, SHADOW_URL=dearer.url)
    ask(priced, FEW, {"rooms": 4, "age": 10.5})
    eventually(lambda: outcomes(priced)["different"] == FEW + 1)


def refuses(_: socket.socket) -> None:
    """Nobody listens: the socket is bound and no more."""


def hangs(listener: socket.socket) -> None:
    """Connections are taken and never answered."""
    listener.listen(10)


def check(start_service: Start, flowers: Path, prepare: Callable[[socket.socket], None]) -> Service:
    """A service whose shadow is what ``prepare`` makes of a socket, after many requests."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        prepare(listener)
        service = start_service(flowers, SHADOW_URL="http://{}:{}".format(*listener.getsockname()))
        ask(service, MANY)
        eventually(lambda: sum(outcomes(service).values()) >= 1)
    return service


def test_one_that_is_gone_costs_callers_nothing(start_service: Start, flowers: Path) -> None:
    service = check(start_service, flowers, refuses)
    eventually(lambda: outcomes(service)["failed"] + outcomes(service)["dropped"] == MANY + 1)
    assert service.stop() == 0


def test_one_that_hangs_costs_callers_nothing_and_what_waits_for_it_is_bounded(
    start_service: Start, flowers: Path
) -> None:
    service = check(start_service, flowers, hangs)
    assert outcomes(service)["dropped"] >= MANY + 1 - 102, "a hundred wait and one is under way"
    assert service.stop() == 0


def test_keys_are_passed_on_and_workers_count_together(start_service: Start, flowers: Path, tmp_path: Path) -> None:
    key, digest = make()
    keys = tmp_path / "keys"
    keys.write_text(f"team {digest}\n")
    other = start_service(flowers, API_KEYS_FILE=keys)
    service = start_service(flowers, API_KEYS_FILE=keys, SHADOW_URL=other.url, WORKERS=2)
    service.client.headers["authorization"] = f"Bearer {key}"
    eventually(lambda: len(service.workers()) == 2)
    ask(service, FEW)
    eventually(lambda: outcomes(service)["same"] == FEW + 1)


@contextmanager
def candidate(content: bytes, connections: str = "keep-alive") -> Generator[tuple[str, list[str | None]]]:
    """A service that gives every copy the same answer: its URL, and the marks of the copies that it got."""
    marks: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            marks.append(self.headers["x-shadow"])
            self.send_response(200)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = connections == "close"  # and says nothing of it

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", marks
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "content",
    [b"", b"no JSON", b'{"prediction": ["b"]}', b'{"predictions": 7}', b"[" * 50_000, b" " * 1_000_000],
    ids=["nothing", "no json", "a list", "no list", "deep", "long"],
)
def test_whatever_it_answers_the_next_copy_is_sent(start_service: Start, flowers: Path, content: bytes) -> None:
    with candidate(content) as (url, _):
        service = start_service(flowers, SHADOW_URL=url)
        ask(service, FEW)
        eventually(lambda: outcomes(service)["failed"] == FEW + 1)
    assert service.stop() == 0
    lines = [line for line in service.log_lines() if line["logger"] == "app.shadow"]
    assert len(lines) == 1, "the first failure is told, the others are counted"


def test_a_connection_that_it_closes_is_made_anew_and_no_copy_is_lost(start_service: Start, flowers: Path) -> None:
    with candidate(b'{"prediction": "none of ours"}', connections="close") as (url, marks):
        service = start_service(flowers, SHADOW_URL=url)
        for number in range(FEW):
            assert service.client.post("/predict", json=FLOWER).status_code == 200
            eventually(lambda count=number + 1: outcomes(service)["different"] == count)
        assert marks == ["1"] * FEW
        assert service.stop() == 0


def test_a_copy_is_not_copied_again_and_a_large_one_is_dropped(start_service: Start, flowers: Path) -> None:
    port = free_port()
    itself = start_service(flowers, PORT=port, SHADOW_URL=f"http://127.0.0.1:{port}")
    ask(itself, FEW)
    eventually(lambda: outcomes(itself)["same"] == FEW + 1)
    assert itself.metrics()["model_prediction_rows_total"] == 2 * (FEW + 2)
    large = itself.client.post("/predict/batch", json={"instances": [FLOWER] * 2_000})
    assert large.status_code == 200
    assert outcomes(itself) == {"same": FEW + 1, "different": 0, "failed": 0, "dropped": 1}
