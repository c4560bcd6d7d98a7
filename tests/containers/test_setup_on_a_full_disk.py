"""Setting up on a disk that is too small says so in one line; containers offer disks as small as one likes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.containers]


@pytest.mark.parametrize("megabytes", [4, 60], ids=["while .venv is made", "while packages are unpacked"])
def test_a_full_disk_is_one_line(engine: Any, repository: Path, megabytes: int) -> None:
    clone = subprocess.run(["tar", "-c", "requirements"], cwd=repository, capture_output=True, check=True).stdout
    done = subprocess.run(
        [
            engine.program, "run", "--rm", "--interactive", "--label", engine.label,
            f"--tmpfs=/clone:exec,size={megabytes}m", engine.base or "python:3.11-slim-bookworm",
            "sh", "-c", "tar -x -C /clone && cd /clone && python3 requirements/install.py serve",
        ],
        input=clone, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 1
    [line] = done.stderr.decode().splitlines()
    assert "the disk is full" in line
