"""A Prometheus and an Alertmanager as processes on 127.0.0.1, each on a free port."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.app.service import client

Found = TypeVar("Found")
DEADLINE_SECONDS = 120
"""How long anything may take that takes a second on an idle machine; nothing is proven by how long it took."""


def until(what: str, condition: Callable[[], Found], seconds: float = DEADLINE_SECONDS) -> Found:
    """What ``condition`` gives once that is true; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
    return found


_given: set[int] = set()
_giving = threading.Lock()


def a_port() -> int:
    """A port that nobody listens on and that no connection is given for its own end before somebody does."""
    with _giving:
        while True:
            port = random.randint(20_000, 30_000)
            if port not in _given and not _listens(port):
                _given.add(port)
                return port


def _listens(port: int) -> bool:
    """Whether a port of this machine is taken."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Program:
    """A process that is ready when its address says so."""

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        """``command`` gets the address to listen on as its last argument."""
        directory.mkdir(parents=True, exist_ok=True)
        address = f"127.0.0.1:{a_port()}"
        self.url = f"http://{address}"
        self._client = client(self.url)
        self._log = directory / "log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, f"--web.listen-address={address}"], stdout=log, stderr=subprocess.STDOUT, cwd=directory
            )
        until(f"{command[0]} is ready", self._ready)

    def _ready(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def ask(self, path: str, **parameters: str) -> Any:
        """What the HTTP API answers."""
        answer = self._client.get(f"/api/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def end(self) -> None:
        """Kill the process: nothing of it is needed any more."""
        self.process.kill()
        self.process.wait(30)
        self._client.close()


class Prometheus(Program):
    """A Prometheus with the configuration and the rules that are files of ``directory``."""

    def __init__(self, directory: Path, configuration: Mapping[str, Any], rules: str, *options: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "rules.yml").write_text(rules)
        (directory / "prometheus.yml").write_text(json.dumps(configuration))
        files = ("--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn")
        super().__init__(["prometheus", *files, *options], directory)

    def query(self, expr: str) -> list[dict[str, str]]:
        """The labels of each series that ``expr`` gives now."""
        return [series["metric"] for series in self._evaluated(expr)["result"]]

    def value(self, expr: str) -> float:
        """The one value that ``expr`` gives now; 0 where there is none."""
        found = self._evaluated(expr)["result"]
        return float(found[0]["value"][1]) if found else 0.0

    def samples_read(self, expr: str) -> int:
        """How many samples the evaluation of ``expr`` reads."""
        return self._evaluated(expr)["stats"]["samples"]["totalQueryableSamples"]

    def _evaluated(self, expr: str) -> Any:
        return self.ask("v1/query", query=expr, stats="all")["data"]


class Agent(Program):
    """A Prometheus in agent mode with the configuration of a side-car."""

    def __init__(self, directory: Path, configuration: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "agent.yml").write_text(configuration)
        options = ("--enable-feature=agent", "--config.file=agent.yml", "--storage.agent.path=data", "--log.level=warn")
        super().__init__(["prometheus", *options], directory)


class Alertmanager(Program):
    """An Alertmanager with a configuration."""

    def __init__(self, directory: Path, configuration: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "alertmanager.yml").write_text(configuration)
        options = ("--config.file=alertmanager.yml", "--storage.path=data", "--cluster.listen-address=")
        super().__init__(["prometheus-alertmanager", *options, "--log.level=warn"], directory)

    def states(self, service: str) -> dict[str, str]:
        """The state of each active alert of ``service`` by its name: active, or suppressed by another one."""
        found = self.ask("v2/alerts", filter=f'service="{service}"')
        return {alert["labels"]["alertname"]: alert["status"]["state"] for alert in found}
