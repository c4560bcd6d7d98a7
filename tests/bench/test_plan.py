"""What is measured of whom, in which environments, on which rows."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import environments, machine
from bench.contenders import peers
from bench.environments import PINS, Unavailable
from bench.models import mixed_rows
from bench.servers import Extent, Server, own
from tests.bench.models import small

SERVERS = {server.name: server for server in [*own([]), *peers()]}


def cells(server: Server, model: str = "iris") -> set[tuple[str, int, int]]:
    """Format, rows and connections of what is measured."""
    found = Extent().cells(server, dataclasses.replace(small(), name=model), "large")
    return {(cell.form.name, cell.rows, cell.connections) for cell in found}


def test_six_peers_are_there_each_as_shipped() -> None:
    named = {server.environment for server in peers()}
    assert named == {"mlserver", "bentoml", "litserve", "mlflow", "kserve", "ray"}
    assert {server.environment for server in peers() if server.name.endswith("scikit-learn")} == named


def test_no_name_is_given_twice() -> None:
    assert len(SERVERS) == len(own([])) + len(peers())


@pytest.mark.parametrize("name", sorted({server.environment for server in SERVERS.values()} - {environments.OWN}))
def test_an_environment_names_exact_versions_and_no_address(name: str) -> None:
    lines = environments.pins(name).read_text().splitlines()
    assert lines[0].startswith("# ")
    assert all(re.fullmatch(r"[a-z0-9._-]+==[A-Za-z0-9.!+_-]+", line) for line in lines[1:])


def test_no_pins_are_left_of_a_server_that_is_gone() -> None:
    used = {server.environment for server in SERVERS.values()} - {environments.OWN}
    assert {file.stem for file in PINS.iterdir()} == used


def test_servers_that_run_a_model_have_the_same_scikit_learn_and_onnx_runtime() -> None:
    for package in ("scikit-learn", "onnxruntime"):
        names = {server.environment for server in SERVERS.values()}
        having = [name for name in sorted(names) if f"\n{package}==" in f"\n{environments.pins(name).read_text()}"]
        assert len({environments.version(name, package) for name in having}) == 1, package


def test_the_service_is_measured_everywhere_and_peers_in_batches_at_the_usual_connections_only() -> None:
    service, peer = cells(SERVERS["this service"]), cells(SERVERS["LitServe, ONNX Runtime"])
    assert {("JSON", rows, many) for rows in (1, 100, 1000) for many in (1, 16, 64)} <= service
    assert ("Arrow", 1000, 16) in service
    assert {many for name, _, many in service if name == "binary tensors"} == {16}
    assert ("Arrow", 1, 16) not in service
    assert peer == {("JSON", 1, 1), ("JSON", 1, 16), ("JSON", 1, 64), ("JSON", 100, 16), ("JSON", 1000, 16)}


def test_the_large_forest_and_what_does_no_work_are_measured_less() -> None:
    assert {many for _, _, many in cells(SERVERS["the seed's design"], "large")} == {16}
    assert {rows for _, rows, _ in cells(SERVERS["bare ASGI hello, no work, uvicorn"])} == {1}


def test_rows_are_all_different_rounded_and_the_same_each_time() -> None:
    table = np.random.default_rng(1).random((20, 3))
    rows = mixed_rows(table, 500)
    assert len(np.unique(rows, axis=0)) == 500
    assert np.array_equal(rows, np.round(rows, 3))
    assert np.array_equal(rows, mixed_rows(table, 500))
    assert table.min() - 0.001 <= rows.min()
    assert rows.max() <= table.max() + 0.001


def test_an_installation_that_fails_gives_the_installers_last_words() -> None:
    with pytest.raises(Unavailable, match="a peer cannot be prepared: no such package"):
        environments.run([sys.executable, "-c", "import sys; sys.exit('no such package')"], "a peer")


def test_a_machine_with_one_core_is_told_that_two_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def one(_: int) -> set[int]:
        return {0}

    monkeypatch.setattr(machine.os, "sched_getaffinity", one)
    with pytest.raises(Unavailable, match="two cores"):
        machine.cores()


def test_make_bench_asks_for_peers_and_for_a_smoke_run_when_it_is_told_to(repository: Path) -> None:
    told = subprocess.run(["make", "-n", "bench", "PEERS=1", "QUICK=1"], cwd=repository, capture_output=True, text=True)
    assert "python -m bench --peers --quick" in told.stdout
