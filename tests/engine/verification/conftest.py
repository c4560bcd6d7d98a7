"""A stack that is nothing but a verification, under the real engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from components.release import release_id
from engine import install
from tests.engine.data_plane import DataPlane

PROJECT = """
name: mlplatform
runtime:
  name: python
"""
PROGRAM = '''
"""A service that is there already, and its verification."""

import pulumi

from components.release import Release, Traffic
from components.spec import Environment, VerificationSpec
from components.verification import Verification

config = pulumi.Config()


class Compute(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("mlplatform:local:Compute", "compute")
        self.stable_url = pulumi.Output.from_input("https://stable.example.com")
        self.candidate_url = None
        self.deployed = {"stable": pulumi.Output.from_input(config.get("deployed") or "revision-1")}


verification = Verification(
    "verification",
    Environment(cloud="local", tier="dev", project="mlplatform", stack="dev"),
    VerificationSpec(deadline_seconds=config.require_int("deadlineSeconds")),
    traffic=Traffic(
        stable=Release(model_version=config.require("model"), image="sha256:" + "1" * 64, commit="2" * 7)
    ),
    compute=Compute(),
)
pulumi.export("verified", verification.verified)
'''


def release(model: str) -> str:
    """The id of the program's release with this model version."""
    return release_id(model, "sha256:" + "1" * 64, "2" * 7)


@dataclass(frozen=True)
class Program:
    """The stack, and the service that it asks."""

    directory: Path
    environment: dict[str, str]
    plane: DataPlane

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``pulumi <arguments>``; standard error follows standard output."""
        command = ["pulumi", *arguments, "--stack", "dev", "--non-interactive", "--color", "never"]
        return subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        """An update, straight away."""
        return self.pulumi("up", "--yes", "--skip-preview")

    def configure(self, **values: str) -> None:
        """Set keys of the configuration."""
        file = self.directory / "Pulumi.dev.yaml"
        found = yaml.safe_load(file.read_text())
        found.setdefault("config", {}).update({f"mlplatform:{key}": value for key, value in values.items()})
        file.write_text(yaml.safe_dump(found))


@pytest.fixture
def program(repository: Path, tmp_path: Path) -> Iterator[Program]:
    """The stack with model version ``a…``, which the service serves; nothing is deployed yet."""
    found = install.find()
    assert found is not None, "no Pulumi engine; `make pulumi` gets one"
    directory = tmp_path / "program"
    directory.mkdir()
    (directory / "Pulumi.yaml").write_text(PROJECT)
    (directory / "__main__.py").write_text(PROGRAM)
    for package in ("components", "observability"):
        (directory / package).symlink_to(repository / package)
    serving = {"stable.example.com": release("a" * 16)}
    with DataPlane(lambda host, _: serving.get(host)) as plane:
        engine = found.environment(os.environ)
        environment = {
            **engine,
            **plane.environment,
            "PATH": f"{Path(sys.executable).parent}:{engine['PATH']}",
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_BACKEND_URL": (tmp_path / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        (tmp_path / "state").mkdir()
        made = Program(directory, environment, plane)
        assert made.pulumi("stack", "init").returncode == 0
        made.configure(model="a" * 16, deadlineSeconds="3")
        yield made
