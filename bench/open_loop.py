"""Open-loop load: requests come at a rate of their own, whether or not the server keeps up. vegeta does it.

A closed loop cannot overload a server: its clients wait. Found on the PATH, else built from its Go module.
"""

from __future__ import annotations

import base64
import csv
import io
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.environments import Unavailable, cache
from bench.formats import Format
from bench.models import Model
from bench.process import pinned

MODULE = "github.com/tsenart/vegeta/v12"
VERSION = "v12.13.0"
MOST_AT_ONCE = 900
"""Requests under way at once; a server that makes more of them wait is not asked any faster.

Fewer than the connections that the service takes: refused a connection, vegeta keeps the request and tries again, and
then it is the wait inside the generator that is measured.
"""
TIMEOUT_SECONDS = 5
_GRACE_SECONDS = 60
_BUILD_SECONDS = 600


@dataclass(frozen=True)
class Answers:
    """An attack's requests in the order of their starts: start (s since the first), status (0: none), latency (s)."""

    starts: list[float]
    statuses: list[int]
    latencies: list[float]


def find() -> str:
    """The program, built if need be; raises Unavailable with how to get it."""
    built = cache() / "programs" / f"vegeta-{VERSION}"
    program = shutil.which("vegeta") or (str(built / "vegeta") if (built / "vegeta").exists() else None)
    if program is not None:
        return program
    if shutil.which("go") is None:
        raise Unavailable(f"no vegeta on the PATH and no Go to build it; `go install {MODULE}@{VERSION}`")
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["go", "install", f"{MODULE}@{VERSION}"],  # noqa: S607 - whichever Go the user has
            env={**os.environ, "GOBIN": str(built), "CGO_ENABLED": "0"}, capture_output=True, text=True,
            timeout=_BUILD_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"vegeta was not built within {_BUILD_SECONDS} s; put one on the PATH") from error
    if done.returncode:
        raise Unavailable(f"vegeta cannot be built ({done.stderr.strip()[-300:]}); put one on the PATH")
    return str(built / "vegeta")


def write_targets(file: Path, form: Format, model: Model, rows: int, port: int) -> None:
    """What an attack asks in turn: all of the model's rows, ``rows`` to a request."""
    url = f"http://127.0.0.1:{port}{form.path(model.name, rows)}"
    targets: list[bytes] = []
    for start in range(0, len(model.rows), rows):
        body, extra = form.encode(model, model.rows[start : start + rows])
        headers = {name: [text] for name, text in (form.headers | extra).items()}
        text = base64.b64encode(body).decode()
        targets.append(msgspec.json.encode({"method": "POST", "url": url, "body": text, "header": headers}))
    file.write_bytes(b"\n".join(targets) + b"\n")


def start(targets: Path, rate: float, seconds: float, core: int) -> subprocess.Popen[bytes]:
    """Begin to ask ``rate`` times a second for ``seconds``; `finish` gives what came of it."""
    command = [
        find(), "attack", "-format=json", f"-targets={targets}", f"-rate={round(rate * 1000)}/1000s",
        f"-duration={seconds}s", f"-timeout={TIMEOUT_SECONDS}s", f"-max-workers={MOST_AT_ONCE}", "-max-body=0",
        f"-output={targets.with_suffix('.results')}",
    ]  # fmt: skip
    return subprocess.Popen(pinned(core, command), stdin=subprocess.DEVNULL)  # noqa: S603


def finish(attack: subprocess.Popen[bytes], targets: Path, seconds: float) -> Answers:
    """Wait for an attack's end, within bounds, and read its answers."""
    try:
        attack.wait(seconds + TIMEOUT_SECONDS + _GRACE_SECONDS)
    finally:
        attack.kill()
    command = [find(), "encode", "--to", "csv", str(targets.with_suffix(".results"))]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_GRACE_SECONDS).stdout  # noqa: S603
    return parse(text)


def ask(targets: Path, rate: float, seconds: float, core: int) -> Answers:
    """A whole attack."""
    return finish(start(targets, rate, seconds, core), targets, seconds)


def parse(text: str) -> Answers:
    """vegeta's table: a line per request that begins with its start (ns), its status, its latency (ns)."""
    lines: list[Sequence[str]] = sorted(csv.reader(io.StringIO(text)), key=lambda line: int(line[0]))
    if not lines:
        return Answers([], [], [])
    first = int(lines[0][0])
    return Answers(
        starts=[(int(line[0]) - first) / 1e9 for line in lines],
        statuses=[int(line[1]) for line in lines],
        latencies=[int(line[2]) / 1e9 for line in lines],
    )
