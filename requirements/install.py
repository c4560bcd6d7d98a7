"""Make ``.venv`` from hash-pinned locks: ``python3 requirements/install.py serve train``, as the Makefile calls it.

Needs nothing but Python and its standard library, and does nothing when ``.venv`` already holds the named locks. The
file ``.venv/installed.json`` says what it holds. It is marked unfinished while pip writes, so that an interrupted
installation is made anew instead of being trusted, as is a ``.venv`` that was moved or lost its Python.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

REQUIREMENTS = Path(__file__).resolve().parent
# SETUP_INTO names another environment, for what cannot stand beside the rest.
VENV = REQUIREMENTS.parent / os.environ.get("SETUP_INTO", ".venv")
STATE = VENV / "installed.json"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "install.log"
# The patch level is left out: an upgrade may change it under a living .venv.
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"

# A lock is complete and names wheels for every supported system, so nothing is resolved or built. Compiling is left to
# the first import, because most modules are never imported; it would take as long as all the rest.
PIP = [
    "-I", "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-compile",
    "--require-hashes", "--no-deps", "--only-binary", ":all:",
]  # fmt: skip

LEAST_BYTES = 20_000_000
DISK_FULL = "the disk is full; free about 2 GB and run the same command again"
# What pip prints, and what its reader needs to hear; the first that matches is told.
REASONS = {
    "No space left on device": DISK_FULL,
    "DO NOT MATCH THE HASHES": "a package is not the one that the lock names; if a mirror is in between, ask its owner",
    "NewConnectionError|ConnectTimeout|ReadTimeout|NameResolutionError|ProxyError|ConnectionResetError"
    "|Connection refused|name resolution|from versions: none": (
        "the package index cannot be reached; connect, or point pip at a mirror (PIP_INDEX_URL), and run it again"
    ),
    "No matching distribution": "a locked package has no wheel for this Python; name another: make PYTHON=python3.12 …",
    "Permission denied": "a file may not be written; is the clone yours?",
}


class State(TypedDict, total=False):
    """What ``.venv`` holds: its Python, its place, and the SHA-256 of each lock that was installed into it."""

    python: str
    venv: str
    locks: dict[str, str]
    unfinished: bool


class SetupError(Exception):
    """Why ``.venv`` could not be made, in one line with the remedy."""


def main(locks: list[str]) -> int:
    """Bring ``.venv`` to the state of ``locks``, names of files in this directory; the exit status."""
    try:
        wanted = {lock: hashlib.sha256(_file(lock).read_bytes()).hexdigest() for lock in locks}
        state = _usable_state() or _make_venv()
        installed = state.get("locks", {})
        if not wanted.items() <= installed.items():
            _install(locks, state)
            _write({**state, "locks": {**installed, **wanted}})
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"setup: {_reason(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nsetup: interrupted; the next run starts over", file=sys.stderr)
        return 130
    return 0


def _usable_state() -> State | None:
    """What ``.venv`` holds, or None where it must be made anew."""
    try:
        state: State = json.loads(STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    fits = state.get("venv") == str(VENV) and state.get("python") == VERSION and not state.get("unfinished")
    return state if fits and PYTHON.exists() else None


def _make_venv() -> State:
    """Create ``.venv`` with pip in it, over whatever stands there."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise SetupError(f"{sys.executable} has no venv module; on Debian and Ubuntu: apt install python3-venv")
    print(f"setup: making {VENV.name} with Python {VERSION}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    base: str = getattr(sys, "_base_executable", sys.executable)  # outlives a .venv that is active
    made = subprocess.run([base, "-I", "-m", "venv", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603 - fixed arguments
    if made.returncode != 0:
        # venv does not pass on what its pip said, so the likeliest reason is looked up.
        full = shutil.disk_usage(VENV).free < LEAST_BYTES
        raise SetupError(DISK_FULL if full else f"python -m venv: {_reason(made.stdout.decode(errors='replace'))}")
    return {"python": VERSION, "venv": str(VENV), "locks": {}}


def _install(locks: list[str], state: State) -> None:
    """Let pip install ``locks``, showing where it is; all of its output goes to LOG."""
    pins = [line.split("==")[0] for lock in locks for line in _file(lock).read_text().splitlines() if "==" in line]
    print(f"setup: installing {len(set(pins))} packages ({', '.join(locks)})", flush=True)
    command = [PYTHON, *PIP, *(f"--requirement={_file(lock)}" for lock in locks)]
    environment = {**os.environ, "PIP_USER": "0"}
    _write({**state, "unfinished": True})
    with (
        LOG.open("w", encoding="utf-8") as log,
        subprocess.Popen(  # noqa: S603 - fixed arguments
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as pip,
    ):
        for line in pip.stdout or ():
            log.write(line)
            _show(line)
    _show("")
    if pip.returncode != 0:
        output = LOG.read_text(encoding="utf-8")
        # pip downloads everything before it writes to .venv; until then what stood there still holds.
        if "Installing collected packages" not in output:
            _write(state)
        raise SetupError(f"{_reason(output)} (all that pip said: {LOG})")


def _show(line: str) -> None:
    """What pip is at, on one line of a terminal that is overwritten."""
    step = re.match(r"Collecting [\w.-]+|Installing collected packages", line)
    if sys.stdout.isatty() and (step or not line):
        print(f"\r\033[K{'setup: ' + step[0].lower() if step else ''}", end="", flush=True)


def _reason(output: str) -> str:
    """One line for a failed command: the known reason in its output, or its last error."""
    known = (reason for pattern, reason in REASONS.items() if re.search(pattern, output))
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return next(known, (errors or lines or ["failed without a word"])[-1])


def _write(state: State) -> None:
    """Replace the state file in one step."""
    draft = STATE.with_suffix(".draft")
    draft.write_text(json.dumps(state), encoding="utf-8")
    draft.replace(STATE)


def _file(lock: str) -> Path:
    """The lock's file."""
    return REQUIREMENTS / f"{lock}.txt"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
