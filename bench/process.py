"""A server as a process: started on its core, waited for, its memory read, and ended with all that it started."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 180
STOP_SECONDS = 15
_POLL_SECONDS = 0.002
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "XDG_CACHE_HOME")


class StartFailed(Exception):
    """A server that did not come up; the message ends with what it last said."""


@dataclass(frozen=True)
class Memory:
    """Resident memory of a server's processes together (MB): now, and the sum of each one's peak.

    Pages that processes share count once for each of them, as in `ps` and `top`.
    """

    now: float
    peak: float


@dataclass(frozen=True)
class Running:
    """A server that answers: its port, its first process, and the seconds from its start to the first 200."""

    port: int
    process: subprocess.Popen[bytes]
    cold_start: float

    def memory(self) -> Memory:
        """Of all processes of the server."""
        pages = [_status(pid) for pid in tree(self.process.pid)]
        return Memory(sum(page.get("VmRSS", 0) for page in pages), sum(page.get("VmHWM", 0) for page in pages))


def free_ports(count: int) -> list[int]:
    """So many TCP ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def pinned(core: int, command: list[str]) -> list[str]:
    """``command`` kept to one core, with all that it starts."""
    return ["taskset", "--cpu-list", str(core), *command]


def environment(python: Path, extra: dict[str, str]) -> dict[str, str]:
    """What a server's process finds: its own programs first, this repository's modules, no setting of the caller's."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    path = f"{python.parent}:{kept.get('PATH', os.defpath)}"
    repository = str(Path(__file__).resolve().parent.parent)
    return kept | {"PATH": path, "PYTHONPATH": repository, "ORT_DISABLE_TELEMETRY": "1"} | extra


@contextlib.contextmanager
def serving(
    command: list[str], variables: dict[str, str], port: int, health: str, folder: Path, core: int
) -> Generator[Running]:
    """Run ``command`` in ``folder`` on ``core`` until the block ends; entered at the first 200 of ``health``.

    What it prints goes to ``folder/log``. Raises StartFailed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "log").open("wb") as log:
        started = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - a server of the list in bench.servers
            pinned(core, command), cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        _wait(process, port, health, started, folder / "log")
        yield Running(port, process, time.perf_counter() - started)
    finally:
        _end(process)


def tree(pid: int) -> list[int]:
    """The process ``pid`` and all that descend from it."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def answers_200(port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _wait(process: subprocess.Popen[bytes], port: int, health: str, started: float, log: Path) -> None:
    """Return when the server is ready."""
    while not answers_200(port, health):
        waited = time.perf_counter() - started
        if process.poll() is not None or waited > START_SECONDS:
            how = f"ended with {process.returncode}" if process.poll() is not None else f"not ready in {waited:.0f} s"
            said = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
            raise StartFailed(f"{how}; it said: {said[-1][-300:]}")
        time.sleep(_POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop, then see to it that none of its processes is left."""
    family = {pid: _birth(pid) for pid in tree(process.pid)}
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    # A number may belong to somebody else by now; the time of birth tells.
    left = [pid for pid, birth in family.items() if birth is not None and _birth(pid) == birth]
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + STOP_SECONDS
    while any(_birth(pid) == family[pid] for pid in left) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    process.wait()


def _birth(pid: int) -> str | None:
    """When a process began, in the kernel's clock ticks; None where there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def _status(pid: int) -> dict[str, float]:
    """The sizes (MB) in a process's status; nothing where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {line.split(":")[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines if line.endswith(" kB")}
