"""Another release is asked the same, beside the answers: agreement is counted, and callers notice nothing of it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

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
