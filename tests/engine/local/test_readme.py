"""The README's way from nothing to predictions on this machine's Docker, word for word, in a fresh clone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pexpect
import pytest
import yaml

from engine import install
from tests.engine.local import docker_provider
from tests.engine.local.conftest import removed
from tests.engine.local.machine import Docker

pytestmark = [
    pytest.mark.engine, pytest.mark.plugin, pytest.mark.containers, pytest.mark.clone, pytest.mark.timeout(900),
]  # fmt: skip

HERE = "On this machine's Docker"
SECONDS = 600


def commands(readme: str) -> list[str]:
    """The commands of the block that follows HERE; a line that ends in a backslash goes on in the next."""
    block = readme.partition(HERE)[2].partition("```console\n")[2].partition("```")[0]
    return re.sub(r"\\\n\s*", "", block).splitlines()


def answered_yes(command: str, directory: Path, environment: Mapping[str, str]) -> str:
    """What a command says at a terminal where a person confirms it; it must end well."""
    child = pexpect.spawn(
        "bash", ["-c", command], cwd=str(directory), env=dict(environment), encoding="utf-8", timeout=SECONDS,
        dimensions=(50, 160),
    )  # fmt: skip
    with contextlib.closing(child):
        child.expect(r"Do you want to perform this \w+\?")
        said = child.before or ""
        child.send("yes\r")
        child.expect(pexpect.EOF)
        said += child.before or ""
    assert child.exitstatus == 0, said
    return said


@pytest.fixture
def owner(docker: Docker) -> Iterator[str]:
    """What the stack's things are tagged with; none of them outlives the test."""
    name = f"readme-{uuid.uuid4().hex[:12]}"
    with removed(docker, f"owner={name}", "dev"):
        yield name


@pytest.fixture
def clone(copy_of_the_repository: Callable[[], Path], images: Mapping[str, str], owner: str) -> Path:
    """A clone, told only which images stand for those that a registry would give, and whose it is."""
    directory = copy_of_the_repository()
    file = directory / "Pulumi.dev.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["config"] |= {"mlplatform:local": dict(images), "mlplatform:tags": {"owner": owner}}
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return directory


def test_the_commands_of_the_readme_deploy_predict_and_take_down(
    clone: Path, owner: str, docker_configuration: Path, plugins: Path, docker: Docker
) -> None:
    engine = install.find()
    assert engine is not None, "no Pulumi engine; `make pulumi` gets one"
    train, up, curl, destroy = commands((clone / "README.md").read_text(encoding="utf-8"))
    with docker_provider.serving() as attached:
        environment = {
            **engine.environment(os.environ),
            "PULUMI_DEBUG_PROVIDERS": attached,
            "DOCKER_CONFIG": str(docker_configuration),
            "PULUMI_HOME": str(plugins),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        done = subprocess.run(["bash", "-c", train], cwd=clone, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        said = answered_yes(up, clone, environment)
        assert "made a passphrase" in said, "what was chosen for the user is said aloud"
        answer = subprocess.run(["bash", "-c", curl], cwd=clone, capture_output=True, text=True, check=True).stdout
        version = (clone / "artifacts/iris/current").read_text(encoding="utf-8").strip()
        assert (json.loads(answer)["prediction"], json.loads(answer)["model_version"]) == ("setosa", version)
        answered_yes(destroy, clone, environment)
    assert not any(docker.having(f"owner={owner}").values()), "nothing is left"
