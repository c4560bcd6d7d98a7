"""Programs that no Debian package brings, built from Go modules pinned beside the tests that run them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from engine import build


def built(module: Path, package: str) -> Path:
    """The program of ``package``, built in the folder ``module`` the first time (minutes) and kept in the cache."""
    name = package.rpartition("/")[2]
    pins = hashlib.sha256(b"".join((module / file).read_bytes() for file in ("go.mod", "go.sum"))).hexdigest()[:12]
    program = build.cache().parent / f"{name}-{pins}"
    if program.is_file():
        return program
    if shutil.which("go") is None:
        pytest.skip(f"no {name} here, and no Go to build it with")
    program.parent.mkdir(parents=True, exist_ok=True)
    draft = program.with_name(f"{program.name}.{os.getpid()}")
    command = [
        "go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-tags=osusergo,netgo", "-ldflags=-s -w",
        "-o", str(draft), package,
    ]  # fmt: skip
    done = subprocess.run(command, cwd=module, env={**os.environ, "CGO_ENABLED": "0"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    draft.rename(program)
    return program


def amtool() -> Path:
    """The checker of the Alertmanager's files, in the version of the local stack's image."""
    folder = Path(__file__).parent / "observability" / "amtool"
    return built(folder, "github.com/prometheus/alertmanager/cmd/amtool")
