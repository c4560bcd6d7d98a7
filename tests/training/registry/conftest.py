"""Trainings that are small, and the words and files that they leave."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.artifact import current_version
from tests.training.postgres import running
from tests.training.registry.server import REPOSITORY, Server
from training.cli import app
from training.registry.registry import Registry
from training.registry.tracking import CHALLENGER, CHAMPION

SMALL = ("--set", "train.random_forest.n_estimators=5", "--set", "validation.mode=never")


class Desk:
    """One machine: its artifacts, and the registry that its environment names."""

    def __init__(self, artifacts: Path, uri: str | None = None, name: str = "iris") -> None:
        self.artifacts, self.uri, self.name = artifacts, uri, name
        self.model = artifacts / name

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> Result:
        """A command in this process; a training is that of a forest of five trees."""
        words = list(arguments)
        if not words or words[0] == "retrain" or words[0].startswith("-"):
            words += [*SMALL, *(() if "--name" in words or "--data" in words else ("--name", self.name))]
        environment = {"MLFLOW_TRACKING_URI": self.uri, "ARTIFACTS_URL": None, "COLUMNS": None, **(env or {})}
        return CliRunner().invoke(app, [*words, "--artifacts", str(self.artifacts)], env=environment)

    def ok(self, *arguments: str, env: dict[str, str] | None = None) -> str:
        """The output of a command that succeeds."""
        result = self.run(*arguments, env=env)
        assert result.exit_code == 0, result.output
        return result.output

    def start(self, *arguments: str, before: str = "") -> subprocess.Popen[str]:
        """A command in a process of its own, after the statements ``before``."""
        program = f"import os, signal\n{before}\nfrom training.cli import main\nmain()"
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY), "HOME": str(self.artifacts.parent)}
        if self.uri:
            environment["MLFLOW_TRACKING_URI"] = self.uri
        return subprocess.Popen(
            [sys.executable, "-c", program, *arguments, "--artifacts", str(self.artifacts)],
            env=environment,
            cwd=self.artifacts.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def current(self) -> str:
        """The version that the pointer names."""
        version = current_version(self.model)
        assert version is not None
        return version

    @property
    def versions(self) -> list[str]:
        """The versions on the disk."""
        return sorted(path.name for path in self.model.iterdir() if path.is_dir())

    def registry(self, monkeypatch: pytest.MonkeyPatch) -> Registry:
        """The registry as this machine meets it."""
        if self.uri:
            monkeypatch.setenv("MLFLOW_TRACKING_URI", self.uri)
        else:
            monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return Registry(self.artifacts, self.name, begin=True)

    def state(self, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], str | None, str | None, int]:
        """The registered versions, the champion, the challenger, and how much waits."""
        registry = self.registry(monkeypatch)
        entries = registry.look()
        champion, challenger = entries.holder(CHAMPION), entries.holder(CHALLENGER)
        return (
            sorted(entry.version for entry in entries.versions),
            champion and champion.version,
            challenger and challenger.version,
            len(registry.waiting()),
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A machine with the registry that needs no server."""
    return Desk(tmp_path / "artifacts")


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """A PostgreSQL database."""
    with running() as postgres:
        yield postgres.full_url


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An MLflow server; each test has a model of its own in it."""
    running = Server(database, tmp_path_factory.mktemp("mlflow"))
    try:
        running.start()
        yield running
    finally:
        running.kill()
