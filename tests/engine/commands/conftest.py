"""A small project in which the commands run as the Makefile runs them, with the real engine and no cloud."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine import install

REPOSITORY = Path(__file__).resolve().parents[3]
CHOICES = ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")


@dataclass(frozen=True)
class Project:
    """A checkout of a user who has chosen nothing."""

    directory: Path
    environment: Mapping[str, str] = field(repr=False)

    def engine(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """``python -m engine <arguments>``; ``variables`` are added to the environment."""
        return self._run(sys.executable, "-m", "engine", *arguments, **variables)

    def pulumi(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The user's own command."""
        return self._run("pulumi", *arguments, **variables)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """``python -m engine <arguments>``, left running in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "engine", *arguments],
            cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def configure(self, **values: Any) -> None:
        """Write the settings of ``dev``: these and no others."""
        config = {f"mlplatform:{key}": value for key, value in {"environment": "dev", **values}.items()}
        (self.directory / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))

    def exported(self) -> dict[str, str]:
        """The variables that `make env` prints, as a shell takes them."""
        printed = self.engine("environment")
        assert printed.returncode == 0, printed.stderr
        script = f"{printed.stdout}\nenv -0"
        answer = subprocess.run(["/bin/sh", "-c", script], env=self.environment, capture_output=True, text=True)
        return dict(line.split("=", 1) for line in answer.stdout.split("\0") if line)

    def protected(self) -> set[str]:
        """The names of what the state protects."""
        variables = self.exported()
        state = self._run("pulumi", "stack", "export", "--stack", "dev", **variables)
        assert state.returncode == 0, state.stderr
        resources = yaml.safe_load(state.stdout)["deployment"]["resources"]
        return {each["urn"].split("::")[-1] for each in resources if each.get("protect")}

    def _run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.directory, env={**self.environment, **variables},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240,
        )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Pulumi keeps what belongs to no stack; nobody has logged in there."""
    return tmp_path_factory.mktemp("pulumi")


@pytest.fixture(scope="module")
def make_project(home: Path) -> Callable[[Path], Project]:
    """Makes the small project in a directory, nothing deployed."""
    found = install.find()
    assert found is not None, "no Pulumi engine; `make pulumi` gets one"
    inherited = {key: value for key, value in os.environ.items() if key not in CHOICES}
    own = {
        "PYTHONPATH": str(REPOSITORY),
        "PULUMI_HOME": str(home),
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }

    def make(directory: Path) -> Project:
        shutil.copytree(Path(__file__).with_name("project"), directory, ignore=shutil.ignore_patterns("__pycache__"))
        (directory / ".venv").symlink_to(sys.prefix)
        return Project(directory, {**found.environment(inherited), **own})

    return make


@pytest.fixture
def project(make_project: Callable[[Path], Project], tmp_path: Path) -> Project:
    """The small project, nothing deployed, where a URL must quote its path."""
    return make_project(tmp_path / "a check#out")


@pytest.fixture(scope="module")
def once_deployed(make_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project, deployed."""
    made = make_project(tmp_path_factory.mktemp("deployed") / "checkout")
    done = made.engine("up", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture
def deployed(once_deployed: Project, tmp_path: Path) -> Project:
    """A copy of the deployed project with its state."""
    directory = tmp_path / "checkout"
    shutil.copytree(once_deployed.directory, directory, symlinks=True)
    return Project(directory, once_deployed.environment)


@pytest.fixture
def creating(deployed: Project) -> Iterator[Callable[[float], subprocess.Popen[str]]]:
    """Starts an update and returns while it creates something that takes so many seconds; ends it after the test."""
    running: list[subprocess.Popen[str]] = []

    def start(seconds: float) -> subprocess.Popen[str]:
        deployed.configure(seconds=seconds)
        update = deployed.start("up", "--yes")
        running.append(update)
        assert update.stdout
        said = ""
        for line in update.stdout:
            said += line
            if "slow creating" in line:
                return update
        pytest.fail(f"the update ended:\n{said}")

    yield start
    for each in running:
        if each.poll() is None:
            os.killpg(each.pid, signal.SIGKILL)
        with each:
            pass
