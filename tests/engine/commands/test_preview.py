"""`make preview STAND_IN=1`: every stack is planned without an account, a secret, a backend or a trained model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from engine import install
from tests.components.contract import stack_name, stacks

pytestmark = pytest.mark.engine

STACKS = [stack_name(*pair) for pair in stacks()]


@pytest.fixture(scope="module")
def fork(copy_of_the_repository: Callable[[], Path]) -> Path:
    """What a pull request's job has: the files of the repository and the packages, nothing else."""
    directory = copy_of_the_repository()
    (directory / ".venv").symlink_to(sys.prefix)
    # Secrets that only the owner's key opens.
    file = directory / "Pulumi.azure-prod.yaml"
    found = yaml.safe_load(file.read_text())
    found |= {"secretsprovider": "azurekeyvault://nobody.vault.azure.net/keys/pulumi", "encryptedkey": "bm9uZQ=="}
    found["config"] |= {
        "mlplatform:hook": {"secure": "v1:AAAA:BBBB"},
        "mlplatform:receivers": [{"name": "oncall", "kind": "webhook", "secret": "hook"}],
    }
    file.write_text(yaml.safe_dump(found, sort_keys=False))
    return directory


def preview(directory: Path, stack: str, home: Path) -> subprocess.CompletedProcess[str]:
    """``python -m engine preview --stand-in`` as somebody who has nothing."""
    found = install.find()
    assert found is not None
    environment = found.environment({"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"})
    command = [sys.executable, "-m", "engine", "preview", "--stack", stack, "--stand-in"]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=240)


def files(directory: Path) -> dict[str, bytes]:
    """Everything that a command could have left behind."""
    found = (path for path in directory.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_is_planned_with_nothing_at_hand_and_nothing_is_left_behind(
    fork: Path, stack: str, tmp_path: Path
) -> None:
    before = files(fork)
    done = preview(fork, stack, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a stand-in answers for the cloud: no account, no secrets, nothing is touched" in done.stderr
    assert "the plan starts from an empty state" in done.stderr
    assert ("mlplatform:model" in done.stderr) == stack.endswith("dev")
    assert ("mlplatform:stable" in done.stderr) == stack.endswith("prod")
    assert "to create" in done.stdout
    assert "mandatory" not in done.stdout
    assert files(fork) == before


def test_a_plan_on_the_stand_in_is_held_to_the_policy_pack(
    copy_of_the_repository: Callable[[], Path], tmp_path: Path
) -> None:
    directory = copy_of_the_repository()
    (directory / ".venv").symlink_to(sys.prefix)
    network = directory / "components/azure/registry.py"
    text = network.read_text()
    assert "protect=True" in text
    network.write_text(text.replace("protect=True", "protect=False"))
    done = preview(directory, "azure-dev", tmp_path)
    assert done.returncode != 0
    assert "protect is false" in done.stdout
