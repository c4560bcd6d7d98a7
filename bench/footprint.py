"""Import times: how long an interpreter takes to load what a server loads before it serves."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from bench.process import environment, pinned

TIMES = 3
_TIMEOUT_SECONDS = 120


def import_times(python: Path, modules: str, core: int, times: int = TIMES) -> list[float]:
    """Seconds that importing ``modules`` adds to starting the interpreter, ``times`` over.

    Whatever a module has to say goes unheard; one that cannot be imported gives no times.
    """
    found: list[float] = []
    for _ in range(times):
        bare = _seconds(python, "pass", core)
        loaded = _seconds(python, f"import {modules}", core)
        if bare is None or loaded is None:
            return []
        found.append(max(0.0, loaded - bare))
    return found


def _seconds(python: Path, code: str, core: int) -> float | None:
    """How long ``code`` takes with the interpreter's start and end; None where it fails."""
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - fixed code
        pinned(core, [str(python), "-c", code]),
        env=environment(python, {}),
        capture_output=True,
        timeout=_TIMEOUT_SECONDS,
    )
    return None if done.returncode else time.perf_counter() - started
