"""The models that every server gets: one training, published as an artifact and kept as scikit-learn's own object.

Both come from the same table and settings, so scikit-learn's answers to the benchmark's rows are what every server must
say. A training is kept in the cache under a hash of all that shapes it: the large forest takes minutes.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import make_classification

from app.artifact import MODEL, Scalar, load
from training.estimators import fit_model
from training.ingest.read import read
from training.provenance import code_hash, libraries
from training.settings import Settings, load_settings
from training.split import split_rows
from training.table import build_table

ROWS = 4000
"""Different rows in rotation. A row that repeats flatters a large model several times over: its nodes stay cached."""
DECIMALS = 3
_SKLEARN = "model.joblib"
_LARGE_FEATURES = 20
_LARGE_ROWS = 62_500  # of which a fifth is held out: 50,000 to train on


class TrainingFailed(Exception):
    """A model that could not be made; the message is what training said."""


@dataclass(frozen=True)
class Recipe:
    """A model to train: its name, its number of trees, and whether on iris or on the large synthetic table."""

    name: str
    trees: int
    large: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """The settings that differ from training's defaults, but for the table's place."""
        return {"train.estimator": "random_forest", "train.random_forest.n_estimators": self.trees}


IRIS = Recipe("iris", trees=100)
LARGE = Recipe("large", trees=300, large=True)


@dataclass(frozen=True)
class Model:
    """A trained model and what it must answer.

    ``rows`` are float64 ``[ROWS, features]``, ``labels`` scikit-learn's answers ``[ROWS]`` as indices into ``classes``.
    """

    name: str
    artifact: Path
    sklearn: Path
    features: list[str]
    classes: list[Scalar]
    rows: NDArray[np.float64]
    labels: NDArray[np.int64]

    @property
    def onnx(self) -> Path:
        """The graph that the tuned peers and the bare limits run: the very file of this service."""
        return self.artifact / MODEL


def prepare(recipe: Recipe, cache: Path) -> Model:
    """The model of ``recipe``, trained unless it is in ``cache``; raises TrainingFailed."""
    directory = cache / f"{recipe.name}-{_key(recipe)}"
    if not (directory / _SKLEARN).exists():
        _train(recipe, directory)
    estimator: Any = joblib.load(directory / _SKLEARN)
    artifact = load(directory / recipe.name)
    frame = read(_settings(recipe, directory).data, directory).frame
    rows = mixed_rows(frame.iloc[:, :-1].to_numpy(np.float64), ROWS)
    return Model(
        name=recipe.name,
        artifact=artifact.directory,
        sklearn=directory / _SKLEARN,
        features=[feature.name for feature in artifact.manifest.features],
        classes=artifact.manifest.classes,
        rows=rows,
        labels=np.asarray(estimator.predict(rows), dtype=np.int64),
    )


def mixed_rows(table: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """``count`` different rows ``[count, features]`` between those of ``table``, rounded as people send them."""
    random = np.random.default_rng(0)
    found = np.empty((0, table.shape[1]))
    while len(found) < count:
        one, other = table[random.integers(len(table), size=(2, count))]
        share = random.random((count, 1))
        mixed = np.round(share * one + (1 - share) * other, DECIMALS)
        found = np.unique(np.concatenate([found, mixed]), axis=0)
    return random.permutation(found)[:count]


def _key(recipe: Recipe) -> str:
    """A hash of the recipe, of the large table's shape, and of the code and libraries that train."""
    shaping = [recipe.options, recipe.large, _LARGE_ROWS, _LARGE_FEATURES, code_hash(), libraries()]
    return hashlib.sha256(json.dumps(shaping).encode()).hexdigest()[:12]


def _table(recipe: Recipe, directory: Path) -> str:
    """What training reads: the name of the iris data, or the file with the large table."""
    return str(directory / "table.parquet") if recipe.large else "iris"


def _options(recipe: Recipe, directory: Path) -> dict[str, Any]:
    """The settings of the training that differ from their defaults."""
    own = {"data.source": _table(recipe, directory), "data.snapshot": False, "validation.mode": "never"}
    return recipe.options | own | ({"data.target": "target"} if recipe.large else {})


def _settings(recipe: Recipe, directory: Path) -> Settings:
    """All settings of the training."""
    return load_settings(None, _options(recipe, directory), [])


def _train(recipe: Recipe, directory: Path) -> None:
    """Train ``recipe`` into ``directory``; the file that marks it complete is written last."""
    directory.mkdir(parents=True, exist_ok=True)
    if recipe.large:
        _large_table().to_parquet(_table(recipe, directory))
    settings = _settings(recipe, directory)
    table = build_table(read(settings.data, directory).frame, settings.data)
    learnt, _ = split_rows(table, settings.split)
    fitted, _ = fit_model(table, learnt, settings.train, settings.split)
    overrides = [f"--set={key}={json.dumps(value)}" for key, value in _options(recipe, directory).items()]
    command = [sys.executable, "-m", "training", "--name", recipe.name, "--artifacts", str(directory), *overrides]
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603 - our own program
    if done.returncode:
        raise TrainingFailed(f"{recipe.name}: {done.stderr.strip()[-500:]}")
    estimator = fitted.estimator
    with tempfile.NamedTemporaryFile(dir=directory, delete=False) as draft:
        joblib.dump(estimator, draft)
    Path(draft.name).rename(directory / _SKLEARN)


def _large_table() -> pd.DataFrame:
    """Two classes, hard to tell apart, so that trees grow deep."""
    made: Any = make_classification(
        _LARGE_ROWS, _LARGE_FEATURES, n_informative=10, n_redundant=0, flip_y=0.1, random_state=0
    )
    frame = pd.DataFrame(made[0], columns=pd.Index([f"x{index}" for index in range(_LARGE_FEATURES)]))
    return frame.assign(target=made[1])
