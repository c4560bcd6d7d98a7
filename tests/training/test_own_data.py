"""One command and no code: a messy CSV, Parquet files and a query become gated, registered, served models."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy
from sklearn.datasets import load_breast_cancer, load_wine

from app.artifact import current_version, load
from tests.app.service import run_app
from tests.training.postgres import PASSWORD, running
from training.exits import UNCHANGED
from training.registry.registry import Registry
from training.registry.tracking import CHAMPION

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)  # whole trainings, each with Great Expectations in a process of its own


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command in a folder with the repository's examples."""
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "training", *arguments],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
            capture_output=True, text=True,
        )  # fmt: skip

    return run


def served(artifact: Path, log: Path) -> bool:
    """Whether a server of the artifact answers the manifest's example as training did."""
    example = load(artifact).manifest.example
    service = run_app(artifact, log)
    try:
        answer: Any = service.client.post("/predict", json=example.instance).json()
        return answer["prediction"] == example.prediction
    finally:
        service.stop()
        service.close()


def is_champion(artifacts: Path, name: str) -> bool:
    """Whether the registry without a server holds the current version of ``name``, and as its champion."""
    champion = Registry(artifacts, name, begin=False).look().holder(CHAMPION)
    return champion is not None and champion.version == current_version(artifacts / name)


def test_a_messy_csv_becomes_a_served_model_and_is_checked_the_next_time(
    train: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    done = train("retrain", "--promote", "--params", "examples/subscriptions.toml")
    assert done.returncode == 0, done.stderr
    for said in ("read as cp1252", "separated by a semicolon", "decimal commas", "id       kunde_id", "moment   seit"):
        assert said in done.stdout
    assert is_champion(tmp_path / "artifacts", "subscriptions")
    assert served(tmp_path / "artifacts" / "subscriptions", tmp_path / "log")
    manifest = load(tmp_path / "artifacts" / "subscriptions").manifest
    assert {feature.name: feature.type for feature in manifest.features} == {
        "tarif": "category",
        "monate": "number",
        "gebühr": "number",
        "anrufe": "number",
        "ort": "category",
        "papier": "boolean",
    }
    assert [feature.bounds for feature in manifest.features if feature.name == "monate"] == [(0, 600)]
    text = (REPOSITORY / "examples" / "subscriptions.csv").read_text(encoding="cp1252").replace(";Wien;", ";Rom;")
    (tmp_path / "later.csv").write_text(text, encoding="cp1252")
    later = train("--params", "examples/subscriptions.toml", "--data", "later.csv", "--name", "subscriptions")
    assert later.returncode == 2
    assert re.search(r"expect_column_values_to_be_in_set on 'ort' \(\d+ of 275 values: row 1 has 'Rom'", later.stderr)
    assert "✓ train" not in later.stdout


def test_a_folder_of_parquet_becomes_a_served_model(
    train: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    frame = load_wine(as_frame=True).frame  # pyright: ignore[reportAttributeAccessIssue]
    for half in (0, 1):
        (tmp_path / "wine" / f"half={half}").mkdir(parents=True)
        frame.iloc[half::2].to_parquet(tmp_path / "wine" / f"half={half}" / "part.parquet")
    done = train("retrain", "--promote", "--data", "wine", "--target", "target", "--ignore", "half")
    assert done.returncode == 0, done.stderr
    assert load(tmp_path / "artifacts" / "wine").manifest.classes == [0, 1, 2]
    assert is_champion(tmp_path / "artifacts", "wine")
    assert served(tmp_path / "artifacts" / "wine", tmp_path / "log")


@pytest.mark.postgres
def test_a_query_to_postgresql_becomes_a_served_model_and_its_password_stands_nowhere(
    train: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    bunch: Any = load_breast_cancer(as_frame=True)
    frame: pd.DataFrame = bunch.frame.assign(target=np.where(bunch.target == 1, "benign", "malignant"))
    with running() as server:
        engine = sqlalchemy.create_engine(server.full_url, poolclass=sqlalchemy.NullPool)
        frame.to_sql("tumours", engine, index=False)
        query = 'data.sql.query=select "mean radius", "mean texture", "worst area", target from tumours'
        arguments = [
            "retrain",
            "--promote",
            "--data",
            server.url,
            "--set",
            query,
            "--target",
            "target",
            "--name",
            "tumours",
        ]
        done = train(*arguments, DATABASE_PASSWORD=PASSWORD)
        assert done.returncode == 0, done.stderr
        again = train(*arguments, DATABASE_PASSWORD=PASSWORD)
    assert again.returncode == UNCHANGED
    assert is_champion(tmp_path / "artifacts", "tumours")
    assert served(tmp_path / "artifacts" / "tumours", tmp_path / "log")
    left = [file for file in tmp_path.rglob("*") if file.is_file() and not file.is_relative_to(tmp_path / "examples")]
    assert len(left) > 5
    assert [file for file in left if PASSWORD.encode() in file.read_bytes()] == []
    assert PASSWORD not in done.stdout + done.stderr


def test_the_commands_of_the_documentation_are_those_that_work(
    train: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Those of docs/data.md but for the database, which a test above asks; a snapshot needs what it was made of."""
    assert train("--data", "examples/loans.csv", "--target", "outcome").returncode == 0
    document = (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")
    commands = re.findall(r'^make train ARGS="(.+)"$', document, re.MULTILINE)
    runnable = [command for command in commands if "postgresql://" not in command]
    assert len(runnable) == 2
    for command in runnable:
        done = train(*shlex.split(command))
        assert done.returncode == 0, done.stderr
        assert "current model" in done.stdout
