"""A real MLflow server on a real PostgreSQL, in a process group of its own that can be killed and started again."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from components.tracking import SERVER_COMMAND
from tests.app.service import free_port

REPOSITORY = Path(__file__).resolve().parents[3]
MLFLOW = REPOSITORY / ".venv-mlflow" / "bin" / "mlflow"


class Server:
    """The server for a database, started as the stacks say; its files are in ``directory``, its ``variables`` go to it.

    It has the same address after each start.
    """

    def __init__(self, database: str, directory: Path, variables: Mapping[str, str] | None = None) -> None:
        self._database, self._directory, self._variables = database, directory, variables or {}
        self.files = directory / "files"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The process, which leads a group of its own."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        _, *words = shlex.split(SERVER_COMMAND.format(self._database, self.files))
        # Of an option that stands twice the last holds.
        here = ["--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
        # Without its job runners, which no test asks for, it starts in half the time.
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        environment = {**os.environ, **quiet, **self._variables}
        with (self._directory / "log").open("a") as log:
            self._process = subprocess.Popen(
                [str(MLFLOW), *words, *here],
                cwd=self._directory,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + 500
        while time.monotonic() < end:
            assert self._process.poll() is None, (self._directory / "log").read_text()
            try:
                if httpx.get(f"{self.uri}/health", timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise AssertionError((self._directory / "log").read_text())

    def kill(self) -> None:
        """End it and its workers at once, as a power failure would."""
        if self._process is not None and self._process.poll() is None:
            assert self.pid > 1
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(timeout=60)
