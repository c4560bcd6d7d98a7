"""A Docker engine for the tests: images that the Makefile builds from a copy of the repository, and their containers.

Everything made here carries the label of this run and is removed by that label; nothing else of the engine is touched.
The base is the Dockerfile's own unless BASE_IMAGE names another (or .ci/base-image has made the stand-in for it).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

CANARY = "canary-6f1d0c5be2"
STAND_IN = "mlplatform-base:bookworm"
HARDENED = (
    "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges",
    "--memory=512m", "--pids-limit=128",
)  # fmt: skip


@dataclass
class Engine:
    """The Docker command line; what this run makes is named ``name`` or labelled ``label``, and built on ``base``."""

    program: str
    name: str
    base: str | None

    @property
    def label(self) -> str:
        """The label of everything that this run makes."""
        return f"mlplatform.test={self.name}"

    def __call__(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``docker arguments``; with ``check`` a failure fails the test with what docker said."""
        return self.run([self.program, *arguments], check=check)

    def run(
        self, command: list[str], *, check: bool = True, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run any command, with BuildKit for old versions of Docker and Compose and with this Docker for Compose."""
        path = os.pathsep.join([str(Path(self.program).parent), os.environ["PATH"]])
        buildkit = {"DOCKER_BUILDKIT": "1", "COMPOSE_DOCKER_CLI_BUILD": "1", "PATH": path}
        done = subprocess.run(command, cwd=cwd, env=os.environ | buildkit | environment, capture_output=True, text=True)
        if check and done.returncode != 0:
            pytest.fail(
                f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            )
        return done

    def make(
        self, directory: Path, target: str, *arguments: str, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a Makefile target that builds, labelling the image."""
        base = [f"BASE_IMAGE={self.base}"] if self.base else []
        return self.run(
            ["make", target, f"DOCKER={self.program}", f"DOCKER_ARGS=--label {self.label}", *base, *arguments],
            cwd=directory, check=check,
        )  # fmt: skip

    def inspect(self, name: str) -> dict[str, Any]:
        """What the engine knows of a container, image, volume or network."""
        return json.loads(self("inspect", name).stdout)[0]

    def start(self, image: str, *options: str, command: tuple[str, ...] = ()) -> str:
        """Start a container in the background; its id."""
        return self("run", "--detach", "--label", self.label, *options, image, *command).stdout.strip()

    def address(self, container: str, port: int = 8000) -> str:
        """The URL at which a container's published port answers."""
        return "http://" + self("port", container, str(port)).stdout.splitlines()[0].strip()

    def remove_everything(self) -> None:
        """Remove what carries the label: containers, then networks, volumes and images."""
        for kind, listing, removal in (
            ("container", ("ps", "--all", "--quiet"), ("rm", "--force", "--volumes")),
            ("network", ("network", "ls", "--quiet"), ("network", "rm")),
            ("volume", ("volume", "ls", "--quiet"), ("volume", "rm")),
            ("image", ("images", "--all", "--quiet"), ("rmi", "--force")),
        ):
            ids = set(self(*listing, "--filter", f"label={self.label}").stdout.split())
            for identity in ids:
                done = self(*removal, identity, check=False)
                assert done.returncode == 0 or "No such" in done.stderr, f"{kind} {identity}: {done.stderr}"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The engine that DOCKER names."""
    program = shutil.which(os.environ.get("DOCKER", "docker")) or "docker"
    stand_in = subprocess.run([program, "image", "inspect", STAND_IN], capture_output=True).returncode == 0
    base = os.environ.get("BASE_IMAGE") or (STAND_IN if stand_in else None)
    engine = Engine(program, f"mlplatform-test-{uuid.uuid4().hex[:12]}", base)
    yield engine
    engine.remove_everything()


@pytest.fixture(scope="session")
def trained(copy_of_the_repository: Callable[[], Path]) -> Path:
    """A copy of the repository with iris trained in it, and a secret lying about that no image may hold."""
    directory = copy_of_the_repository()
    (directory / ".env").write_text(f"TOKEN={CANARY}\n")
    (directory / "app" / ".env").write_text(f"TOKEN={CANARY}\n")
    done = subprocess.run([sys.executable, "-m", "training"], cwd=directory, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="session")
def canary() -> bytes:
    """The secret that lies in the build's directory."""
    return CANARY.encode()


@pytest.fixture(scope="session")
def version(trained: Path) -> str:
    """The version of the trained model."""
    return (trained / "artifacts/iris/current").read_text().strip()


@pytest.fixture(scope="session")
def image(engine: Engine, trained: Path, version: str) -> str:
    """The serving image, as `make image` builds it: its id."""
    engine.make(trained, "image", f"IMAGE={engine.name}")
    return engine.inspect(f"{engine.name}:{version}")["Id"]


@pytest.fixture
def service(engine: Engine, image: str) -> Iterator[Callable[..., str]]:
    """Starts hardened containers of the serving image, waits until they answer, removes them afterwards."""
    started: list[str] = []

    def start(*options: str) -> str:
        container = engine.start(image, *HARDENED, "--publish=127.0.0.1::8000", *options)
        started.append(container)
        wait_for_health(engine, container)
        return container

    yield start
    for container in started:
        engine("rm", "--force", container)


def wait_for_health(engine: Engine, container: str) -> None:
    """Until the service in ``container`` answers /health; fails with its log after half a minute."""

    def healthy() -> bool:
        try:
            return httpx.get(f"{engine.address(container)}/health").status_code == 200
        except httpx.TransportError:
            return False

    wait_until(healthy, lambda: engine("logs", container).stderr)


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """`wait_until` for tests."""
    return wait_until


def wait_until(condition: Callable[[], bool], explain: Callable[[], str], seconds: float = 30) -> None:
    """Poll ``condition``; when it does not come true within ``seconds``, fail with what ``explain`` says."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s:\n{explain()}")
        time.sleep(0.1)
