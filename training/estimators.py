"""The scikit-learn pipelines by name: preprocessing that the exported graph can repeat exactly, and an estimator."""

from __future__ import annotations

import os
import warnings
from typing import Any

import joblib
import numpy as np
import pandas as pd
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

from training.errors import SettingsError, choices
from training.learning import learn
from training.settings import Task, TrainSettings
from training.table import Table

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


def build_pipeline(table: Table, settings: TrainSettings, seed: int) -> Pipeline:
    """An unfitted Pipeline of the steps ``columns`` and ``estimator``.

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
    return Pipeline([("columns", columns), ("estimator", _estimator(table.task, settings, seed))])


def fit(
    pipeline: Pipeline,
    frame: pd.DataFrame,
    target: np.ndarray,
    settings: TrainSettings,
    task: Task,
    rows: np.ndarray | None = None,
) -> list[str]:
    """Fit in place and return scikit-learn's warnings about it.

    ``target`` belongs to the ``rows`` (numbers) of ``frame``, to all of them by default; to name rows copies none.
    Raises SettingsError where scikit-learn refuses the parameters.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", category=ConvergenceWarning)
        try:
            # A forest's trees are the same on any number of cores.
            with joblib.parallel_config("threading", n_jobs=os.cpu_count()):
                learn(pipeline, frame, np.arange(len(frame)) if rows is None else rows, target)
        except (ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise SettingsError(f"settings [train.{settings.table(task)}]: scikit-learn says: {reason}") from error
    return [" ".join(str(warning.message).split()) for warning in caught]


def _as_float64(numbers: pd.DataFrame) -> pd.DataFrame:
    """Means of float32 columns would be float32."""
    return numbers.astype(np.float64)


def _estimator(task: Task, settings: TrainSettings, seed: int) -> Any:
    """The estimator of that name and task with its parameters."""
    kind = _CLASSES[settings.estimator, task]
    valid = set(kind().get_params()) - set(_RESERVED)
    parameters = settings.parameters(task)
    for name in parameters:
        key = f"setting train.{settings.table(task)}.{name}"
        if name in _RESERVED:
            raise SettingsError(f"{key}: cannot be set; {_RESERVED[name]}")
        if name not in valid:
            raise SettingsError(f"{key}: {kind.__name__} has no such parameter; {choices(name, sorted(valid), 40)}")
    return kind(**parameters, random_state=seed)
