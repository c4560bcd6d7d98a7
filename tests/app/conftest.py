"""Artifacts and servers that the tests of the service share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.app import models
from tests.app.service import Service, Start, run_app
from tests.app.trained import train_loans


@pytest.fixture(scope="session")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three text classes from four numbers."""
    return models.flowers(tmp_path_factory.mktemp("flowers"))


@pytest.fixture(scope="session")
def loans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two boolean classes from numbers, texts and booleans with gaps."""
    return models.loans(tmp_path_factory.mktemp("loans"))


@pytest.fixture(scope="session")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression."""
    return models.prices(tmp_path_factory.mktemp("prices"))


@pytest.fixture(scope="session")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression that fails on some rows."""
    return models.fragile(tmp_path_factory.mktemp("fragile"))


@pytest.fixture(scope="session")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A regression that takes as long as it is told."""
    return models.slow(tmp_path_factory.mktemp("slow"))


@pytest.fixture(scope="session")
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start ``python -m app`` for an artifact, with settings as keywords; whatever still runs at the end is stopped."""
    services: list[Service] = []

    def start(artifact: Path, **settings: object) -> Service:
        service = run_app(artifact, tmp_path_factory.mktemp("log") / "stderr", **settings)
        services.append(service)
        return service

    yield start
    for service in services:
        if service.process.poll() is None:
            service.process.terminate()
    for service in services:
        service.close()


@pytest.fixture(scope="session")
def flower_service(start_service: Start, flowers: Path) -> Service:
    """One server with low limits for all tests that only ask it."""
    return start_service(flowers, RELEASE="flowers-1", MAX_BODY_BYTES=20_000, MAX_BATCH_ROWS=100)


@pytest.fixture(scope="session")
def loan_service(start_service: Start, loans: Path) -> Service:
    """A server of the model with all kinds of features."""
    return start_service(loans)


@pytest.fixture(scope="session")
def price_service(start_service: Start, prices: Path) -> Service:
    """A server of the regression."""
    return start_service(prices)


@pytest.fixture(scope="session")
def trained_service(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A server of a model trained on the example data by the command that the README gives."""
    return start_service(train_loans(tmp_path_factory.mktemp("artifacts")))


@pytest.fixture(scope="session")
def fragile_service(start_service: Start, fragile: Path) -> Service:
    """A server whose model fails on some rows."""
    return start_service(fragile)
