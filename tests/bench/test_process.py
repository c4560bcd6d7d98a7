"""Servers as processes: pinned, waited for, and gone afterwards."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from bench import process
from bench.process import StartFailed, free_ports, serving, tree

pytestmark = pytest.mark.load
# Serves, and has a child that does not heed the signal to stop.
SERVER = """
import http.server, signal, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"])
http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
CORE = min(os.sched_getaffinity(0))


def alive(pid: int) -> bool:
    """Whether the process is there and not just its remains."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command(port: int) -> list[str]:
    return [sys.executable, "-c", SERVER, str(port)]


def test_a_server_is_pinned_with_its_children_measured_and_ended_with_all_of_them(tmp_path: Path) -> None:
    [port] = free_ports(1)
    with serving(command(port), dict(os.environ), port, "/", tmp_path, CORE) as running:
        pids = tree(running.process.pid)
        deadline = time.monotonic() + 10
        while len(pids) < 2 and time.monotonic() < deadline:
            pids = tree(running.process.pid)
        assert len(pids) == 2
        assert all(os.sched_getaffinity(pid) == {CORE} for pid in pids)
        assert running.cold_start > 0
        memory = running.memory()
        assert 10 < memory.now <= memory.peak
    assert not any(alive(pid) for pid in pids)


def test_nothing_is_left_of_a_server_whose_measurement_failed(tmp_path: Path) -> None:
    [port] = free_ports(1)
    pids: list[int] = []

    def measure() -> None:
        with serving(command(port), dict(os.environ), port, "/", tmp_path, CORE) as running:
            pids.extend(tree(running.process.pid))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        measure()
    assert pids
    assert not any(alive(pid) for pid in pids)


def test_a_server_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    [port] = free_ports(1)
    failing = [sys.executable, "-c", "import sys; sys.exit('no model here')"]
    with (
        pytest.raises(StartFailed, match="ended with 1; it said: no model here"),
        serving(failing, dict(os.environ), port, "/", tmp_path, CORE),
    ):
        pass


def test_a_server_that_never_answers_is_given_up_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "START_SECONDS", 0.5)
    [port] = free_ports(1)
    sleeping = [sys.executable, "-c", "import time; time.sleep(600)"]
    with (
        pytest.raises(StartFailed, match="not ready in"),
        serving(sleeping, dict(os.environ), port, "/", tmp_path, CORE),
    ):
        pass


def test_a_server_gets_none_of_the_callers_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    found = process.environment(Path("/environment/bin/python"), {"PORT": "1"})
    assert "LOG_LEVEL" not in found
    assert found["PORT"] == "1"
    assert found["PATH"].startswith("/environment/bin:")
