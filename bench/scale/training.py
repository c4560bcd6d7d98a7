"""One training as its own process: the seconds and the peak of memory of each stage, from the lines that it prints."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.environments import REPOSITORY
from bench.scale import memory
from bench.scale.rows import TARGET

_STAGE = re.compile(r"✓ (.+?)\s+([\d.]+) s$")
_OWN = {"MLFLOW_TRACKING_URI", "MODEL_STORE"}  # settings of whoever measures, which the training must not follow


class Stage(msgspec.Struct, frozen=True):
    """A stage's wall time (s), and the most memory (bytes) that the process had in it."""

    name: str
    seconds: float
    peak: int


class Run(msgspec.Struct, frozen=True):
    """A training: wall and processor time of the whole process (s), and its stages."""

    rows: int
    validated: bool
    seconds: float
    processor_seconds: float
    stages: list[Stage]

    @property
    def peak(self) -> int:
        """The most memory that it had (bytes)."""
        return max(stage.peak for stage in self.stages)

    def beyond(self, own: Run) -> list[int]:
        """For each stage the memory (bytes) that it took more than in ``own``, a training with hardly any data."""
        return [max(0, stage.peak - less.peak) for stage, less in zip(self.stages, own.stages, strict=True)]


class TrainingFailed(Exception):
    """A training that did not end well; the message ends with what it last said."""


def run(rows: int, file: Path, folder: Path, validated: bool, **changes: Any) -> Run:
    """Train on ``file`` under ``folder`` as `make train` does, but for the settings in ``changes``.

    Raises TrainingFailed.
    """
    settings = {
        "train.estimator": "hist_gradient_boosting",
        "validation.mode": "auto" if validated else "never",
        "validation.directory": str(folder / "validation"),
        **changes,
    }
    command = [sys.executable, "-m", "training", "--data", str(file), "--target", TARGET, "--name", "scale"]
    command += ["--artifacts", str(folder), *(f"--set={key}={json.dumps(value)}" for key, value in settings.items())]
    variables = {name: value for name, value in os.environ.items() if name not in _OWN}
    stages: list[Stage] = []
    said = ""
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, cwd=folder, env=variables | {"PYTHONPATH": str(REPOSITORY), "NO_COLOR": "1"}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None  # noqa: S101 - for the type checker
    with process.stdout as lines:
        for line in lines:
            said = line.strip() or said
            found = _STAGE.match(said)
            if found is not None:
                stages.append(Stage(found[1], float(found[2]), memory.peak(process.pid)))
                memory.reset(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not stages:
        raise TrainingFailed(f"{rows:,} rows: status {process.returncode}: {said[-500:]}")
    return Run(rows, validated, time.perf_counter() - started, usage.ru_utime + usage.ru_stime, stages)


def floor(file: Path) -> int:
    """The memory (bytes) of boosting alone on the numbers of ``file``: see ``bench.scale.floor``."""
    command = [sys.executable, "-m", "bench.scale.floor", str(file)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)  # noqa: S603 - our own program
    if done.returncode:
        raise TrainingFailed(f"{file.name}: {done.stderr.strip()[-500:]}")
    return int(json.loads(done.stdout)["peak"])
