"""A search on a real Ray cluster of two nodes finds what it finds on this machine."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
RAY = Path(sys.executable).with_name("ray")
TRIES = 3
SEARCH = [
    "search.candidates=3",
    "train.folds=3",
    "train.random_forest={n_estimators = 5}",
    "train.costs={virginica = {versicolor = 7}}",
    "gate.classification.metric=cost",  # by a function of ours, which has to travel
    "gate.classification.over_baseline=0.0",
    "gate.models.iris.at_least.accuracy=0.5",
    "registry.enabled=false",
]


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """What nodes and driver share: a token without which nobody may run anything there, and no reports home."""
    shared = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32), "RAY_USAGE_STATS_ENABLED": "0"}
    return {**{key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}, **shared}


@pytest.fixture(scope="module")
def cluster(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a cluster whose two nodes have one processor each."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    logs = tmp_path_factory.mktemp("ray")
    with contextlib.ExitStack() as nodes:
        for name, role in {
            "head": ["--head", f"--port={address.rpartition(':')[2]}", "--include-dashboard=false"],
            "worker": [f"--address={address}"],
        }.items():
            nodes.enter_context(node(role, environment, logs / name))
        yield address


@contextlib.contextmanager
def node(role: list[str], environment: dict[str, str], log: Path) -> Generator[None]:
    """A node in a process group of its own, which goes as a whole.

    Ray gives up a node that is not up within 30 seconds, which a busy machine may need: then it is started again.
    """
    command = [str(RAY), "start", "--block", "--num-cpus=1", "--object-store-memory=100000000", *role]
    for tries_left in reversed(range(TRIES)):
        with log.open("w") as output:
            started = subprocess.Popen(
                command,
                cwd=log.parent,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while "Ray runtime started" not in log.read_text() and started.poll() is None:
                time.sleep(0.2)
            if started.poll() is not None and tries_left:
                continue
            assert started.poll() is None, log.read_text()
            yield
            return
        finally:
            end(started)


def end(started: subprocess.Popen[bytes]) -> None:
    """End a node's processes."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.wait(20)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)
    started.wait()


def trained(artifacts: Path, environment: dict[str, str]) -> tuple[str, str, str]:
    """Train iris with a search: where it ran, what was best, and the model's version."""
    settings = [f"--set={override}" for override in SEARCH]
    command = [sys.executable, "-m", "training", "--artifacts", str(artifacts), *settings]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    where = re.search(r"trainings at a time (.*)", done.stdout)
    best = re.search(r"best of 4: .*", done.stdout)
    assert where is not None
    assert best is not None
    return where[1], best[0], (artifacts / "iris" / "current").read_text()


@pytest.mark.timeout(900)
def test_two_nodes_find_what_one_machine_does(cluster: str, environment: dict[str, str], tmp_path: Path) -> None:
    here = trained(tmp_path / "here", environment)
    there = trained(tmp_path / "there", {**environment, "RAY_ADDRESS": cluster})
    assert here[0] == "on this machine"
    assert there[0] == f"on the Ray cluster {cluster}"
    assert here[1:] == there[1:]
