"""Getting a promtool that knows what the agents of every cloud are told: the one on the PATH, else a build.

Distributions ship older ones: ``azuread``, by which an agent signs for Azure, came with 2.45.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from engine import build
from engine.build import InstallError, Progress

MINIMUM = (2, 45)


def find() -> Path | None:
    """The promtool that is there, or None; builds nothing."""
    on_path = shutil.which("promtool")
    if on_path and _version(Path(on_path)) >= MINIMUM:
        return Path(on_path)
    return build.promtool_file() if build.promtool_file().is_file() else None


def get(progress: Progress) -> Path:
    """The promtool that is there, or a new one; raises InstallError with the reason where it cannot be built."""
    return find() or build.build_promtool(progress)


def run_get() -> int:
    """Get promtool and say where it is; the exit status for a shell."""
    start = time.monotonic()
    try:
        file = get(lambda line: print(f"promtool: {line}", flush=True))
    except InstallError as error:
        print(f"promtool: {error}", file=sys.stderr)
        return 1
    print(f"promtool: {file} (took {time.monotonic() - start:.0f} s)")
    return 0


def _version(promtool: Path) -> tuple[int, ...]:
    """Major and minor version; nothing where it does not tell."""
    try:
        answer = subprocess.run([promtool, "--version"], capture_output=True, text=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"version (\d+)\.(\d+)", answer.stdout + answer.stderr)
    return (int(found[1]), int(found[2])) if found else ()
