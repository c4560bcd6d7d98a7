"""Real server processes: started on a free port, asked over HTTP, stopped by a signal."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from tests.app.models import FLOWER

BODY = json.dumps(FLOWER).encode()
REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "app"]
_INHERITED = ("PATH", "HOME", "TMPDIR")


@dataclasses.dataclass
class Service:
    """A running server: its address, its process, the file with its log and a client for it."""

    url: str
    process: subprocess.Popen[str]
    log: Path
    client: httpx.Client

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        return host, int(port)

    def log_lines(self) -> list[dict[str, Any]]:
        """The log so far, line by line."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def metrics(self) -> dict[str, float]:
        """The samples of /metrics."""
        return parse_metrics(self.client.get("/metrics").text)

    def workers(self) -> list[int]:
        """The process ids of the workers, as the kernel lists the supervisor's children."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=30)

    def close(self) -> None:
        """Make sure that nothing is left of it."""
        self.client.close()
        self.process.wait(timeout=30)
        assert self.process.stdout
        self.process.stdout.close()


Start = Callable[..., Service]


def environment(artifact: Path, **settings: object) -> dict[str, str]:
    """The environment of a server: a free port, these settings, and nothing else of ours that would change it."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {"MODEL_PATH": str(artifact), "PORT": "0"} | {name: str(text) for name, text in settings.items()}


def run_app(artifact: Path, log: Path, **settings: object) -> Service:
    """Start the service for ``artifact``, logging to ``log``, and wait until it serves."""
    return run_copy(REPOSITORY, artifact, log, **settings)


def run_copy(code: Path, artifact: Path, log: Path, **settings: object) -> Service:
    """The same of another copy of the code."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            COMMAND,
            cwd=code,
            env=environment(artifact, **settings),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout
    line = process.stdout.readline()
    assert line.startswith("API"), f"the service did not start: {log.read_text()}"
    url = line.split()[1].removesuffix("/predict")
    return Service(url, process, log, client(url))


def client(url: str) -> httpx.Client:
    """A client that opens a connection per request, so that workers share its requests and none is stale."""
    return httpx.Client(base_url=url, timeout=30, limits=httpx.Limits(max_keepalive_connections=0), verify=False)


def failed_start(artifact: Path, **settings: object) -> str:
    """What the service says on standard error, having refused to start; it must be one line, and the status 1."""
    answer = subprocess.run(
        COMMAND, cwd=REPOSITORY, env=environment(artifact, **settings), capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 1, answer.stderr
    assert answer.stdout == ""
    assert answer.stderr.count("\n") == 1, answer.stderr
    return answer.stderr.strip()


def parse_metrics(text: str) -> dict[str, float]:
    """Prometheus text as a mapping from ``name{labels}`` to value."""
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def half_a_request(service: Service) -> socket.socket:
    """A connection with a prediction request whose body has only begun: of `BODY`, ten bytes."""
    connection = socket.create_connection(service.address, timeout=30)
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    connection.sendall(head.encode() + BODY[:10])
    return connection


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds; fail after fifteen seconds."""
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "it did not come true within fifteen seconds"
        time.sleep(0.02)
