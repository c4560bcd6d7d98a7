"""A stand-in cloud, and clients that talk to it as the engine does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from engine.standin.cloud import Cloud, Record
from engine.standin.server import Server, serving
from tests.engine.standin.client import Client


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def server(cloud: Cloud) -> Iterator[Server]:
    with serving(cloud) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Callable[..., Client]]:
    """``client(type, name="one")`` talks to the provider of the type's package."""
    clients: list[Client] = []

    def connect(type_: str, name: str = "one") -> Client:
        clients.append(Client(server.ports[type_.partition(":")[0]], type_, name))
        return clients[-1]

    yield connect
    for each in clients:
        each.close()


@pytest.fixture
def record() -> Callable[..., Record]:
    """``record(type, name, id, inputs, outputs)``; outputs are the inputs unless given."""

    def make(
        type_: str,
        name: str,
        id_: str,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> Record:
        inputs = dict(inputs or {})
        urn = f"urn:pulumi:test::mlplatform::{type_}::{name}"
        return Record(urn, id_, "00" * 16, inputs, {**inputs, **(outputs or {})})

    return make
