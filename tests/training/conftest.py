"""Tables, settings and trainings that several of the training tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from training.estimators import fit_model
from training.export.convert import convert
from training.export.prove import exact
from training.export.runtime import Model
from training.fitted import Fitted
from training.settings import load_settings
from training.table import Table, build_table

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Exported:
    """A fitted model beside its exported graph."""

    table: Table
    frame: pd.DataFrame
    fitted: Fitted
    content: bytes
    model: Model


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other cost more than they bring on tables this small."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def iris_artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifacts directory in which ``python -m training`` has been run once without options."""
    directory = tmp_path_factory.mktemp("artifacts")
    done = subprocess.run(
        [sys.executable, "-m", "training", "--artifacts", str(directory)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture(scope="session")
def messy() -> pd.DataFrame:
    """240 rows as people have them: gaps everywhere, text, booleans, a column that never changes, a rare category."""
    generator = np.random.default_rng(7)
    rows = 240
    age = generator.integers(18, 80, rows).astype(float)
    income = np.round(generator.lognormal(10, 0.5, rows), 2)
    town = generator.choice(["Bern", "Zürich", "São Paulo", 'Quote "', "a,b"], rows, p=[0.4, 0.3, 0.2, 0.09, 0.01])
    owner = generator.random(rows) < 0.5
    score = age / 40 + (town == "Bern") + owner + np.log(income) / 4 + generator.normal(0, 0.4, rows)
    table = pd.DataFrame({"age": age, "income": income, "town": town, "owner": owner.astype(object), "one": 1})
    for name in ("age", "income", "town", "owner"):
        table.loc[generator.random(rows) < 0.12, name] = None
    table["amount"] = np.round(score * 1000, 1)
    table["answer"] = np.where(score > np.median(score), "yes", "no")
    table["grade"] = pd.qcut(score, 4, labels=["a", "b", "c", "d"]).astype(object)
    return table


@pytest.fixture(scope="session")
def fitted() -> Callable[..., Exported]:
    """Fit and export: a raw table, its target, an estimator and ``section.key=value`` settings."""

    def make(raw: pd.DataFrame, target: str, estimator: str, *overrides: str, ignore: tuple[str, ...] = ()) -> Exported:
        options: dict[str, Any] = {
            "data.target": target,
            "data.ignore": [name for name in ignore if name != target],
            "train.estimator": estimator,
        }
        settings = load_settings(None, options, overrides)
        table = build_table(raw, settings.data)
        frame = table.frame()
        model, _ = fit_model(table, np.arange(table.rows), settings.train, settings.split)
        content = convert(model, table)
        graph = Model(content, {column.name: column.type for column in table.features})
        return Exported(table, exact(frame, table), model, content, graph)

    return make
