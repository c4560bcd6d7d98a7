"""The environments that servers run in, each made from pinned versions and kept in the cache.

This project's service gets what its image gets (``requirements/serve.txt``), the others what ``bench/pins`` names for
them. An environment is named after its pins, so other pins never meet an old one; complete is one that has its marker.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PINS = Path(__file__).parent / "pins"
OWN = "service"
_COMPLETE = "complete"
_INSTALL_SECONDS = 1800
Progress = Callable[[str], None]


class Unavailable(Exception):
    """Something that cannot be had here; the message is the reason that the report gives."""


@dataclass(frozen=True)
class Environment:
    """An interpreter with packages; ``folder`` is None for the one that runs the benchmark."""

    python: Path
    folder: Path | None = None

    @property
    def megabytes(self) -> float | None:
        """What it takes on the disk (MB), as `du` counts; None where it holds more than the server."""
        if self.folder is None:
            return None
        counted = subprocess.run(["du", "-s", "--block-size=1000", self.folder], capture_output=True, text=True)  # noqa: S603, S607
        return int(counted.stdout.split()[0]) / 1000


def cache() -> Path:
    """The folder of everything that is made once: environments, models, programs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlplatform" / "bench"


def current() -> Environment:
    """The environment of this very process."""
    return Environment(Path(sys.executable))


def pins(name: str) -> Path:
    """The file with the versions of the environment ``name``."""
    return REPOSITORY / "requirements" / "serve.txt" if name == OWN else PINS / f"{name}.txt"


def version(name: str, package: str) -> str:
    """The version of ``package`` that the environment ``name`` pins."""
    lines = pins(name).read_text(encoding="utf-8").splitlines()
    return next(line.split("==")[1].split()[0] for line in lines if line.startswith(f"{package}=="))


def prepare(name: str, progress: Progress) -> Environment:
    """The environment ``name``, installed unless it is there; raises Unavailable with the installer's last words."""
    digest = hashlib.sha256(pins(name).read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = cache() / "environments" / f"{name}-{digest}"
    if not (folder / _COMPLETE).exists():
        progress(f"installing the environment of {name}")
        shutil.rmtree(folder, ignore_errors=True)
        uv = str(Path(sys.executable).with_name("uv"))
        run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], name)
        # Compiled, as an image would have it: a cold start is not to be measured on the first import.
        install = [uv, "pip", "install", "--quiet", "--no-deps", "--compile-bytecode", "--python", str(folder)]
        run([*install, "--requirement", str(pins(name))], name)
        (folder / _COMPLETE).touch()
    return Environment(folder / "bin" / "python", folder)


def run(command: list[str], name: str, variables: dict[str, str] | None = None) -> None:
    """Run a step that makes what the server ``name`` needs; raises Unavailable with the step's last words."""
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=_INSTALL_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{name}: not prepared within {_INSTALL_SECONDS} s") from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["failed without a word"]
        raise Unavailable(f"{name} cannot be prepared: {' '.join(said)[-300:]}")
