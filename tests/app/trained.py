"""Really trained models, by the commands that the README gives."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sklearn.datasets import load_diabetes

from tests.app.service import REPOSITORY, Service

LOANS = REPOSITORY / "examples" / "loans.csv"
LOANS_TARGET = "outcome"


def train(artifacts: Path, name: str, *options: str) -> Path:
    """Train a model into ``artifacts``; the directory that its ``current`` stands in."""
    command = [sys.executable, "-m", "training", "--name", name, "--artifacts", str(artifacts), *options]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return artifacts / name


def train_loans(artifacts: Path) -> Path:
    """Two classes from numbers, texts and booleans with gaps."""
    return train(artifacts, "loans", "--data", str(LOANS), "--target", LOANS_TARGET)


def train_iris(artifacts: Path) -> Path:
    """Three classes from four numbers."""
    return train(artifacts, "iris")


def train_diabetes(artifacts: Path) -> Path:
    """A regression on ten numbers."""
    table = artifacts / "diabetes.csv"
    found: Any = load_diabetes(as_frame=True)
    found.frame.to_csv(table, index=False)
    options = ("--data", str(table), "--target", "target", "--estimator", "hist_gradient_boosting")
    own = f"--set=validation.directory={json.dumps(str(artifacts))}"  # its expectations do not belong to the repository
    return train(artifacts, "diabetes", *options, own)


def loans(service: Service) -> list[tuple[dict[str, Any], str]]:
    """The rows of the loans as instances for ``service``, each with its outcome."""
    types = {feature["name"]: feature["type"] for feature in service.client.get("/model").json()["features"]}

    def value(name: str, text: str) -> float | bool | str | None:
        if text == "":
            return None
        if types[name] == "boolean":
            return text == "True"
        return float(text) if types[name] == "number" else text

    with LOANS.open(newline="") as file:
        return [
            ({name: value(name, text) for name, text in row.items() if name != LOANS_TARGET}, row[LOANS_TARGET])
            for row in csv.DictReader(file)
        ]
