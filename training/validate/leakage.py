"""How well one feature predicts the target alone: one that does so perfectly is the target in disguise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

MAX_ROWS = 10_000
FOLDS = 3


def predicts_alone(feature: pd.Series, target: pd.Series, classes: bool) -> float:
    """The cross-validated score of a decision tree that sees ``feature`` alone; rows without a target are left out.

    Balanced accuracy for ``classes``, else R²; 0 where rows are too few to tell. The measure is that of the predictive
    power score (https://github.com/8080labs/ppscore) without its normalization. At most MAX_ROWS rows are looked at.
    """
    rows = np.flatnonzero(target.notna())
    if len(rows) > MAX_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MAX_ROWS, replace=False))
    values = feature.iloc[rows]
    numeric = pd.api.types.is_float_dtype(values.dtype)
    # A gap of a text is a category like others; trees take NaN as it is.
    codes = values.to_numpy() if numeric else pd.factorize(values.astype(object), use_na_sentinel=False)[0]
    matrix = np.asarray(codes, dtype=np.float32).reshape(-1, 1)
    folds: Any
    if classes:
        truth = pd.factorize(target.iloc[rows].astype(object))[0]
        if np.bincount(truth).min() < FOLDS:
            return 0.0
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        found = cross_val_predict(DecisionTreeClassifier(random_state=0), matrix, truth, cv=folds)
        return float(balanced_accuracy_score(truth, found))
    quantity = target.iloc[rows].to_numpy(dtype=np.float64)
    folds = KFold(FOLDS, shuffle=True, random_state=0)
    found = cross_val_predict(DecisionTreeRegressor(random_state=0), matrix, quantity, cv=folds)
    return float(r2_score(quantity, found))
