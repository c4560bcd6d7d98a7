"""requirements/install.py: when it installs, when it does not, and what it says when it cannot."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

UNREACHABLE = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_FIND_LINKS": ""}
Setup = Callable[..., "subprocess.CompletedProcess[str]"]


def wheel(directory: Path, name: str) -> str:
    """Write the wheel of an empty package ``name`` 1.0; its line in a lock."""
    file = directory / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The lock lines of two packages, and under "" the directory that pip finds them in."""
    directory = tmp_path_factory.mktemp("wheels")
    return {"": str(directory), "first": wheel(directory, "first"), "second": wheel(directory, "second")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, repository: Path, wheels: dict[str, str]) -> Path:
    """A clone with one lock that has been installed."""
    clone = tmp_path_factory.mktemp("made") / "clone"
    (clone / "requirements").mkdir(parents=True)
    shutil.copy(repository / "requirements" / "install.py", clone / "requirements")
    (clone / "requirements" / "serve.txt").write_text(wheels["first"])
    done = install(clone, wheels)
    assert done.returncode == 0, done.stderr
    assert "installing 1 packages (serve)" in done.stdout
    return clone


@pytest.fixture
def clone(made: Path, tmp_path: Path) -> Path:
    """A clone of one's own, at another place than the one its .venv was made for."""
    return shutil.copytree(made, tmp_path / "clone", symlinks=True)


def install(clone: Path, wheels: dict[str, str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Install the lock "serve", finding packages in ``wheels`` only."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels[""]}
    if environment:
        offline = environment
    command = [sys.executable, "requirements/install.py", "serve"]
    return subprocess.run(command, cwd=clone, env=os.environ | offline, capture_output=True, text=True)


def imports(clone: Path, name: str) -> bool:
    """Whether the clone's .venv can import a package."""
    return subprocess.run([clone / ".venv/bin/python", "-c", f"import {name}"], capture_output=True).returncode == 0


def test_a_second_run_does_nothing(made: Path, wheels: dict[str, str]) -> None:
    assert imports(made, "first")
    again = install(made, wheels, **UNREACHABLE)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_a_moved_clone_and_a_changed_lock_are_installed_anew(clone: Path, wheels: dict[str, str]) -> None:
    moved = install(clone, wheels)
    assert moved.returncode == 0
    assert "making .venv" in moved.stdout
    (clone / "requirements" / "serve.txt").write_text(wheels["first"] + wheels["second"])
    changed = install(clone, wheels)
    assert changed.stdout == "setup: installing 2 packages (serve)\n"
    assert imports(clone, "second")


def test_without_the_package_index_one_line_says_so_and_what_stood_there_still_serves(
    made: Path, wheels: dict[str, str]
) -> None:
    lock = made / "requirements" / "serve.txt"
    before = lock.read_text()
    lock.write_text(before + wheels["second"])
    failed = install(made, wheels, **UNREACHABLE)
    assert failed.returncode == 1
    [line] = failed.stderr.splitlines()
    assert "the package index cannot be reached" in line
    assert "127.0.0.1" in (made / ".venv/install.log").read_text()
    lock.write_text(before)
    assert install(made, wheels, **UNREACHABLE).returncode == 0


def test_a_package_that_is_not_the_locked_one_is_refused(made: Path, wheels: dict[str, str]) -> None:
    lock = made / "requirements" / "serve.txt"
    before = lock.read_text()
    lock.write_text(before + wheels["second"][:-9] + "00000000\n")
    failed = install(made, wheels)
    lock.write_text(before)
    assert failed.returncode == 1
    [line] = failed.stderr.splitlines()
    assert "a package is not the one that the lock names" in line
    assert not imports(made, "second")


def test_an_installation_that_was_killed_is_made_anew(clone: Path, wheels: dict[str, str]) -> None:
    assert install(clone, wheels).returncode == 0
    (clone / "requirements" / "serve.txt").write_text(wheels["first"] + wheels["second"])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        running = subprocess.Popen(
            [sys.executable, "requirements/install.py", "serve"],
            cwd=clone, env=os.environ | {"PIP_INDEX_URL": index, "PIP_FIND_LINKS": ""}, start_new_session=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        silent.accept()[0].close()
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert json.loads((clone / ".venv/installed.json").read_text())["unfinished"]
    again = install(clone, wheels)
    assert "making .venv" in again.stdout
    assert imports(clone, "second")


def test_ctrl_c_ends_with_one_line(clone: Path, wheels: dict[str, str]) -> None:
    running = subprocess.Popen(
        [sys.executable, "requirements/install.py", "serve"],
        cwd=clone, env=os.environ | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels[""]}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout
    assert "making .venv" in running.stdout.readline()
    time.sleep(0.5)
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate()
    assert running.returncode == 130
    assert errors.strip() == "setup: interrupted; the next run starts over"


def test_a_python_without_venv_is_told_what_to_install(clone: Path) -> None:
    script = "import runpy, sys; sys.modules['ensurepip'] = None; sys.argv[1:] = ['serve']"
    run = f"{script}; runpy.run_path('requirements/install.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", run], cwd=clone, capture_output=True, text=True)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "apt install python3-venv" in line
