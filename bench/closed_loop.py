"""Closed-loop load: so many connections, each asking again as soon as it is answered. wrk does it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import msgspec

from bench.environments import Unavailable
from bench.process import pinned

SCRIPT = Path(__file__).with_name("wrk.lua")
_GRACE_SECONDS = 30


class Load(msgspec.Struct, frozen=True):
    """What one run of load showed.

    ``rate`` is answers with status 200 a second, ``errors`` all else (other statuses, broken connections, answers
    later than 5 s), ``p50`` and ``p99`` latencies in ms. ``generator`` is the share of its core that the generator
    used: near 1 it, not the server, was measured.
    """

    rate: float
    errors: int
    p50: float
    p99: float
    generator: float


class _Summary(msgspec.Struct):
    requests: int
    seconds: float
    status: int
    connect: int
    read: int
    write: int
    timeout: int
    p50: float
    p99: float


def find() -> str:
    """The program; raises Unavailable with how to get it."""
    program = shutil.which("wrk")
    if program is None:
        raise Unavailable("no wrk on the PATH; `apt-get install wrk`, `brew install wrk` or github.com/wg/wrk")
    return program


def write_requests(file: Path, requests: list[bytes]) -> None:
    """Put whole requests where the script finds them."""
    lengths = " ".join(str(len(one)) for one in requests)
    file.write_bytes(lengths.encode() + b"\n" + b"".join(requests))


def run(port: int, requests: Path, connections: int, seconds: float, core: int) -> Load:
    """Ask the server on ``port`` over ``connections`` for ``seconds`` (whole, at least one), from ``core``."""
    duration = max(1, round(seconds))
    command = [
        find(),
        "--threads",
        "1",
        "--connections",
        str(connections),
        "--duration",
        f"{duration}s",
        "--timeout",
        "5s",
    ]
    command += ["--script", str(SCRIPT), f"http://127.0.0.1:{port}", str(requests)]
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(pinned(core, command), capture_output=True, text=True, timeout=duration + _GRACE_SECONDS)  # noqa: S603
    elapsed, after = time.perf_counter() - started, os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return parse(done.stdout, busy / elapsed)


def parse(output: str, generator: float) -> Load:
    """The load that wrk's output tells of; raises ValueError where it holds no summary."""
    lines = [line for line in output.splitlines() if line.startswith("{")]
    if not lines:
        raise ValueError(f"wrk told nothing: {output.strip()[-300:]}")
    told = msgspec.json.decode(lines[-1], type=_Summary)
    good = told.requests - told.status
    errors = told.status + told.connect + told.read + told.write + told.timeout
    return Load(good / told.seconds, errors, told.p50, told.p99, generator)
