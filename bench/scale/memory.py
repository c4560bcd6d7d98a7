"""A process's resident memory in bytes, as Linux counts it."""

from __future__ import annotations

from pathlib import Path


def now(process: int | str) -> int:
    """What it has."""
    return _status(process, "VmRSS")


def peak(process: int | str) -> int:
    """The most it has had since its start or the last ``reset``."""
    return _status(process, "VmHWM")


def reset(process: int | str) -> None:
    """Let its peak begin at what it has now."""
    Path(f"/proc/{process}/clear_refs").write_text("5")


def _status(process: int | str, field: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))
