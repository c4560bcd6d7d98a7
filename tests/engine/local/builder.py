"""A BuildKit daemon and a registry for the docker-build plugin, on machines that reach no registry.

The plugin builds with the builder that ``docker buildx`` has as its current one, and starts one in a privileged
container from the image moby/buildkit where there is none. This one runs as a process, is the current builder of a
Docker configuration of its own, and takes what the Dockerfile is based on from a registry here.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.go_programs import built

MODULE = Path(__file__).with_name("buildkit")
BASE = "library/python:3.11-slim-bookworm"
"""The Dockerfile's own base, by its name in Docker's registry."""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def buildkitd() -> Path:
    """The daemon."""
    return built(MODULE, "github.com/moby/buildkit/cmd/buildkitd")


@contextmanager
def registry(directory: Path) -> Generator[str]:
    """Debian's docker-registry on 127.0.0.1: its host and port."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("no docker-registry; install it (Debian: docker-registry)")
    host = f"127.0.0.1:{free_port()}"
    settings = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(directory)}},
        "http": {"addr": host},
    }
    file = directory.with_suffix(".yml")
    file.write_text(json.dumps(settings))
    with _running([program, "serve", str(file)], directory.with_suffix(".log"), lambda: _answers(host)):
        yield host


def _answers(host: str) -> bool:
    """Whether a registry is there."""
    try:
        return httpx.get(f"http://{host}/v2/").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def builder(directory: Path, mirror: str) -> Generator[Path]:
    """A BuildKit whose images of Docker's registry come from ``mirror``; the Docker configuration that has it."""
    address = directory / "buildkitd.sock"
    settings = directory / "buildkitd.toml"
    settings.write_text(f'[registry."docker.io"]\nmirrors = ["{mirror}"]\n[registry."{mirror}"]\nhttp = true\n')
    command = [
        str(buildkitd()), "--config", str(settings), "--root", str(directory / "root"), "--addr", f"unix://{address}",
        "--containerd-worker=false", "--oci-worker-net=host",
    ]  # fmt: skip
    configuration = directory / "docker"
    (configuration / "buildx/instances").mkdir(parents=True)
    node = {"Name": "tests0", "Endpoint": f"unix://{address}"}
    instance = {"Name": "tests", "Driver": "remote", "Nodes": [node], "Dynamic": False}
    (configuration / "buildx/instances/tests").write_text(json.dumps(instance))
    (configuration / "buildx/current").write_text(json.dumps({"Key": "", "Name": "tests", "Global": True}))
    (configuration / "config.json").write_text("{}")
    with _running(command, directory / "buildkitd.log", address.exists):
        yield configuration


@contextmanager
def _running(command: list[str], log: Path, ready: object) -> Generator[None]:
    """A daemon until the block ends."""
    assert callable(ready)
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + 30
            while not ready():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, f"{command[0]} does not answer: {log.read_text()}"
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(30)
