"""The fit of a pipeline with one copy of the features, in the order and the type in which the estimator takes them.

``Pipeline.fit`` would hold up to five: the rows picked, each transformer's output, these side by side, the estimator's
own cast and, in boosting, its split for early stopping. What is learnt is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.ensemble._hist_gradient_boosting.gradient_boosting import BaseHistGradientBoosting
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

BATCH = 1 << 16
"""Rows that are transformed at a time."""
_STOPPING_ROWS = 10_000  # above which boosting's early_stopping = "auto" stops early


def learn(pipeline: Pipeline, frame: pd.DataFrame, rows: np.ndarray, target: np.ndarray) -> None:
    """Fit ``pipeline``'s two steps on the ``rows`` (numbers) of ``frame``, whose targets are ``target``."""
    pa.default_memory_pool().release_unused()  # of columns that were read, and are gone
    columns, estimator = pipeline.named_steps["columns"], pipeline.named_steps["estimator"]
    # Passing on and one-hot encoding a given vocabulary learn nothing from rows; filling and scaling do.
    columns.fit(frame.iloc[rows if hasattr(estimator, "fit_intercept") else rows[:1]])
    split = _early_stopping(estimator, target)
    if split is None:
        estimator.fit(features(columns, estimator, frame, rows), target)
        return
    taught, watched = split
    estimator.fit(
        features(columns, estimator, frame, rows[taught]),
        target[taught],
        X_val=features(columns, estimator, frame, rows[watched]),
        y_val=target[watched],
    )


def features(columns: Any, estimator: Any, frame: pd.DataFrame, rows: np.ndarray) -> np.ndarray:
    """What the fitted ``columns`` make of ``rows``, ``[rows, features]``; float32 for forests, which round to it."""
    dtype = np.float32 if isinstance(estimator, RandomForestClassifier | RandomForestRegressor) else np.float64
    width = columns.transform(frame.iloc[rows[:1]]).shape[1]
    found = np.empty((len(rows), width), dtype=dtype)
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        found[start : start + len(part)] = columns.transform(frame.iloc[part])
    return found


def _early_stopping(estimator: Any, target: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The rows that a boosting learns from and watches to stop early, as its ``fit`` would split them.

    None where it would not, and where the parts alone would tell it another story than the whole.
    """
    if not isinstance(estimator, BaseHistGradientBoosting) or estimator.validation_fraction is None:
        return None
    if len(target) <= _STOPPING_ROWS or estimator.early_stopping is False:
        return None
    if getattr(estimator, "class_weight", None) is not None:  # it weighs the watched rows, too, by the whole
        return None
    classes = target.dtype.kind == "i"
    seed = check_random_state(estimator.random_state).randint(np.iinfo(np.uint32).max, dtype="u8")
    parts: Any = train_test_split(
        np.arange(len(target)),
        test_size=estimator.validation_fraction,
        stratify=target if classes else None,
        random_state=seed,
    )
    taught, watched = parts
    whole = len(taught) > _STOPPING_ROWS and (not classes or len(np.unique(target[taught])) == len(np.unique(target)))
    return (taught, watched) if whole else None
