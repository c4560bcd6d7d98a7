"""The Makefile as a newcomer uses it, in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import signal
import site
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def make(clone: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make to its end."""
    return subprocess.run(["make", *arguments], cwd=clone, env=os.environ | environment, capture_output=True, text=True)


class Run:
    """A `make run` that serves: what it printed until then, and the URL it printed."""

    def __init__(self, clone: Path, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            ["make", "run", "PORT=0", *arguments],
            cwd=clone, env=os.environ | environment, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.output = ""
        assert self.process.stdout
        for line in self.process.stdout:
            self.output += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.url = found[0]
                break
        else:
            pytest.fail(f"make run ended with {self.process.wait()}:\n{self.output}")

    def predict(self) -> str:
        """The class of a real setosa."""
        return httpx.post(f"{self.url}/predict", json=FLOWER).json()["prediction"]

    def press_ctrl_c(self) -> str:
        """Interrupt make and the service as a terminal does; what was printed since."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.communicate(timeout=60)[0]

    def end(self) -> None:
        """Make sure that nothing of it is left."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        with self.process:
            pass


@pytest.fixture(scope="module")
def clone(copy_of_the_repository: Callable[[], Path]) -> Path:
    """A copy with empty locks whose .venv borrows this environment's packages, so that setting up takes seconds."""
    directory = copy_of_the_repository()
    for lock in ("serve", "train", "data", "infra"):
        (directory / "requirements" / f"{lock}.txt").write_text("")
    made = make(directory, "setup", f"PYTHON={sys.executable}")
    assert made.returncode == 0, made.stderr
    [packages] = (directory / ".venv/lib").glob("python*/site-packages")
    (packages / "borrowed.pth").write_text("\n".join(site.getsitepackages()))
    return directory


@pytest.fixture
def run(clone: Path) -> Iterator[Callable[..., Run]]:
    """Starts `make run`; what still runs after the test is ended."""
    started: list[Run] = []

    def start(*arguments: str, **environment: str) -> Run:
        started.append(Run(clone, f"PYTHON={sys.executable}", *arguments, **environment))
        return started[-1]

    yield start
    for each in started:
        each.end()


def test_make_run_trains_once_serves_and_drains_on_ctrl_c(run: Callable[..., Run], clone: Path) -> None:
    shutil.rmtree(clone / "artifacts", ignore_errors=True)
    first = run()
    assert "is now the current model" in first.output
    assert first.predict() == "setosa"
    assert httpx.get(f"{first.url}/metrics").status_code == 200
    last_words = first.press_ctrl_c()
    assert "stopped" in last_words
    assert "Error" not in last_words

    version = (clone / "artifacts/iris/current").read_text()
    second = run()
    assert "setup" not in second.output
    assert "train" not in second.output
    assert second.predict() == "setosa"
    assert (clone / "artifacts/iris/current").read_text() == version


def test_what_the_callers_shell_holds_for_python_does_not_reach_the_service(
    run: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('the wrong module')")
    assert run(PYTHONPATH=str(tmp_path)).predict() == "setosa"


def test_modules_are_compiled_once_whatever_the_callers_shell_says(clone: Path, run: Callable[..., Run]) -> None:
    bytecode = clone / "app" / "__pycache__"
    shutil.rmtree(bytecode, ignore_errors=True)
    run(PYTHONDONTWRITEBYTECODE="1")
    assert list(bytecode.glob("*.pyc"))


def test_a_port_in_use_is_one_line(clone: Path) -> None:
    make(clone, "train", f"PYTHON={sys.executable}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = make(clone, "run", f"PORT={port}", f"PYTHON={sys.executable}")
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert len(told) == 1
    assert f"port {port} on 127.0.0.1 is in use" in told[0]


def test_a_model_that_is_not_there_is_named_with_the_command_that_trains_it(clone: Path) -> None:
    done = make(clone, "run", "NAME=churn", f"PYTHON={sys.executable}")
    assert done.returncode != 0
    assert 'no model churn: make train ARGS="--name churn' in done.stderr


def test_a_python_that_is_too_old_or_missing_is_one_line(clone: Path, tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9); exec(sys.argv[-1])" "$@"\n'
    )
    old.chmod(0o755)
    for python, reason in ((str(old), f"{old} is 3.9"), ("python9", "no python9 here")):
        done = make(clone, "run", f"PYTHON={python}")
        assert done.returncode != 0
        told = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
        assert len(told) == 1
        assert reason in told[0]


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        (["preview"], "preview --stack aws-dev --diff"),
        (["preview", "STAND_IN=1"], "preview --stack aws-dev --stand-in --diff"),
        (["up"], "up --stack aws-dev --diff"),
        (
            ["up", "REPLACE=artifacts a:b/c:D::key"],
            "up --stack aws-dev --replace=artifacts --replace=a:b/c:D::key --diff",
        ),
        (["refresh"], "refresh --stack aws-dev --diff"),
        (["destroy"], "destroy --stack aws-dev --diff"),
    ],
)
def test_the_targets_of_a_stack_are_the_commands_of_the_engine(clone: Path, arguments: list[str], called: str) -> None:
    shown = make(clone, "--dry-run", *arguments, "STACK=aws-dev", "ARGS=--diff", f"PYTHON={sys.executable}")
    assert shown.returncode == 0, shown.stderr
    assert " ".join(shown.stdout.splitlines()[-1].split()) == f".venv/bin/python -m engine {called}"


def test_make_alone_lists_every_target_and_the_documents_name_no_other(repository: Path) -> None:
    listed = set(re.findall(r"^make ([a-z-]+) ", make(repository).stdout, re.MULTILINE))
    assert {"run", "test", "train", "check", "image", "train-image", "lock", "clean"} <= listed
    documents = [*repository.glob("*.md"), *repository.glob("docs/**/*.md"), *repository.glob(".github/**/*.yml")]
    internal = {"setup", "setup-data", "setup-dev"}
    for document in documents:
        commands = re.findall(r"(?:^|`|\$ |run: )make ([a-z-]+)", document.read_text(), re.MULTILINE)
        assert set(commands) <= listed | internal, document


@pytest.mark.clone
@pytest.mark.timeout(900)
def test_a_clean_clone_serves_after_make_run_and_again_without_installing(
    copy_of_the_repository: Callable[[], Path],
) -> None:
    directory = copy_of_the_repository()
    disturbing = {"PIP_USER": "1", "PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere"}
    first = Run(directory, **disturbing)
    second = None
    try:
        assert "installing" in first.output
        assert first.predict() == "setosa"
        assert "stopped" in first.press_ctrl_c()
        second = Run(directory, **disturbing)
        assert "installing" not in second.output
        assert second.predict() == "setosa"
    finally:
        first.end()
        if second:
            second.end()
