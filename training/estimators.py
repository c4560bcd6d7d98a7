"""The scikit-learn pipelines by name: preprocessing that the exported graph can repeat exactly, and an estimator."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from training.errors import DataError, SettingsError, choices
from training.fitted import Fitted, class_index, cost_matrix
from training.learning import learn
from training.split import make_folds
from training.table import Table
from training.train_settings import SplitSettings, Task, TrainSettings

_CLASSES: dict[tuple[str, Task], type] = {
    ("random_forest", "classification"): RandomForestClassifier,
    ("random_forest", "regression"): RandomForestRegressor,
    ("hist_gradient_boosting", "classification"): HistGradientBoostingClassifier,
    ("hist_gradient_boosting", "regression"): HistGradientBoostingRegressor,
    ("linear", "classification"): LogisticRegression,
    ("linear", "regression"): Ridge,
}
# What would break reproducibility or the export, and why.
_RESERVED = {
    "random_state": "it follows split.seed",
    "n_jobs": "it changes no model",
    "verbose": "it changes no model",
    "warm_start": "every training starts afresh",
    "categorical_features": "categories are one-hot encoded before the estimator",
}


def build_pipeline(
    table: Table, settings: TrainSettings, seed: int, chosen: Mapping[str, Any] | None = None
) -> Pipeline:
    """An unfitted Pipeline of the steps ``columns`` and ``estimator``; parameters in ``chosen`` win over the settings'.

    Trees get numbers as they are (NaN included), linear models imputed by the median and standardized; categories are
    one-hot over the whole table's vocabulary, a gap being all zeros. Raises SettingsError for an unknown parameter.
    """
    numbers: Any = "passthrough"
    if settings.estimator == "linear":
        numbers = Pipeline(
            [
                ("exact", FunctionTransformer(_as_float64)),
                ("impute", SimpleImputer(strategy="median", keep_empty_features=True)),
                ("scale", StandardScaler()),
            ]
        )
    vocabularies: Any = [list(column.categories) for column in table.texts]
    texts = OneHotEncoder(
        categories=vocabularies,
        handle_unknown="ignore",
        sparse_output=False,
        dtype=np.float64,
    )
    parts = [
        ("numbers", numbers, [column.name for column in table.numbers]),
        ("texts", texts, [column.name for column in table.texts]),
    ]
    columns = ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0)
    return Pipeline([("columns", columns), ("estimator", _estimator(table, settings, seed, chosen or {}))])


def fit_model(
    table: Table,
    rows: np.ndarray,
    settings: TrainSettings,
    split: SplitSettings,
    chosen: Mapping[str, Any] | None = None,
) -> tuple[Fitted, list[str]]:
    """The model taught by ``rows``, calibrated if the settings say so, and scikit-learn's warnings about it.

    Raises SettingsError where scikit-learn refuses the parameters, and DataError for rows that lack a class.
    """
    check_classes(table, rows)
    pipeline = build_pipeline(table, settings, split.seed, chosen)
    costs = cost_matrix(table, settings.costs)
    frame, target = table.frame(), table.target[rows]
    if not table.classes or settings.calibration == "none":
        with _fitting(settings, table.task) as warned:
            learn(pipeline, frame, rows, target)
        return Fitted(pipeline, costs=costs), warned
    parts = make_folds(table, rows, split, settings.folds, cover=True)
    for learnt, _ in parts:
        check_classes(table, rows[learnt])
    # Scores of rows that the model was not taught calibrate it; what serves is taught by all rows.
    whole: Any = False
    calibrated: Any = CalibratedClassifierCV(pipeline, method="sigmoid", cv=parts, ensemble=whole)
    with _fitting(settings, table.task) as warned:
        calibrated.fit(frame.iloc[rows], target)
    return Fitted(calibrated.calibrated_classifiers_[0].estimator, calibrated, costs), warned


def check_classes(table: Table, rows: np.ndarray) -> None:
    """Refuse rows to train on in which a class does not occur. Raises DataError."""
    missing = np.setdiff1d(np.arange(len(table.classes)), table.target[rows])
    if missing.size:
        raise DataError(
            f"class {table.classes[int(missing[0])]!r} of '{table.target_name}' does not occur in the {len(rows)} rows "
            "of a fold to train on; add rows of it, or make fewer folds (train.folds)"
        )


@contextmanager
def _fitting(settings: TrainSettings, task: Task) -> Generator[list[str]]:
    """The surroundings of a fit; yields the list that gets scikit-learn's warnings about it in the end.

    Raises SettingsError where scikit-learn refuses the parameters.
    """
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", category=ConvergenceWarning)
        # A forest's trees are the same on any number of cores.
        with refusals(settings, task), joblib.parallel_config("threading", n_jobs=os.cpu_count()):
            yield found
    found += dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught)


@contextmanager
def refusals(settings: TrainSettings, task: Task) -> Generator[None]:
    """Name the settings where scikit-learn refuses parameters. Raises SettingsError."""
    try:
        yield
    except (ValueError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"settings [train.{settings.table(task)}]: scikit-learn says: {reason}") from error


def _as_float64(numbers: pd.DataFrame) -> pd.DataFrame:
    """Means of float32 columns would be float32."""
    return numbers.astype(np.float64)


def _estimator(table: Table, settings: TrainSettings, seed: int, chosen: Mapping[str, Any]) -> Any:
    """The estimator of that name and task with its parameters."""
    kind = _CLASSES[settings.estimator, table.task]
    valid = set(kind().get_params()) - set(_RESERVED)
    parameters = {**settings.parameters(table.task), **chosen}
    for name in parameters:
        key = f"setting train.{settings.table(table.task)}.{name}"
        if name in _RESERVED:
            raise SettingsError(f"{key}: cannot be set; {_RESERVED[name]}")
        if name not in valid:
            raise SettingsError(f"{key}: {kind.__name__} has no such parameter; {choices(name, sorted(valid), 40)}")
    weights = parameters.get("class_weight")
    if isinstance(weights, dict):  # the estimator knows classes by their places
        key = f"train.{settings.table(table.task)}.class_weight"
        parameters["class_weight"] = {class_index(table, name, key): weight for name, weight in weights.items()}
    return kind(**parameters, random_state=seed)
