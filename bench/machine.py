"""What the figures were measured on, and whether it can measure them: Linux, two cores, taskset."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench.environments import REPOSITORY, Unavailable
from bench.results import Machine


def cores() -> tuple[int, int]:
    """The server's core and the generator's; raises Unavailable where the machine cannot keep them apart."""
    if sys.platform != "linux" or shutil.which("taskset") is None:
        raise Unavailable(
            "the benchmark needs Linux and taskset (util-linux): it pins servers to cores and reads /proc"
        )
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise Unavailable(
            f"the benchmark needs two cores, one for the server and one for the load; here is {len(usable)}"
        )
    return usable[0], usable[1]


def describe(command: str, rounds: int, seconds_each: float, rows: int) -> Machine:
    """The machine, before anything has run on it; ``seconds`` is set at the end."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        system=f"{_distribution()}, Linux {platform.release()}",
        python=platform.python_version(),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_commit(),
        command=command,
        seconds=0,
        rounds=rounds,
        seconds_each=seconds_each,
        rows=rows,
        busy_before=os.getloadavg()[0],
    )


def _processor() -> str:
    """The processor's name, as the kernel has it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _distribution() -> str:
    """The system's name for people."""
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return "Linux"


def _commit() -> str:
    """The commit measured, marked where files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)  # noqa: S603 - fixed arguments
    return done.stdout.strip() or "unknown"
