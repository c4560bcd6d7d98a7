"""A model as it was fitted: what scikit-learn answers, and what an export needs to answer the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from app.kernel.decision import cheapest
from training.errors import SettingsError, choices
from training.table import Table
from training.train_settings import Costs


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline of the steps ``columns`` and ``estimator``, and what is made of its scores.

    ``calibrated`` is scikit-learn's calibration of that pipeline; ``costs``, ``[true class, answer]``, choose answers.
    """

    pipeline: Pipeline
    calibrated: Any = None
    costs: np.ndarray | None = None

    @property
    def estimator(self) -> Any:
        """The fitted estimator."""
        return self.pipeline.named_steps["estimator"]

    @property
    def columns(self) -> Any:
        """The fitted preprocessing, which makes the estimator's features of a table's frame."""
        return self.pipeline.named_steps["columns"]

    @property
    def scaling(self) -> list[tuple[float, float]]:
        """Slope and intercept of each calibrated score: see `app.kernel.decision.calibrated`; empty without."""
        if self.calibrated is None:
            return []
        return [(float(one.a_), float(one.b_)) for one in self.calibrated.calibrated_classifiers_[0].calibrators]

    def probabilities(self, frame: pd.DataFrame) -> np.ndarray | None:
        """The classes' probabilities ``[rows, classes]``; None for a quantity."""
        model = self._model
        return np.asarray(model.predict_proba(frame)) if hasattr(model, "predict_proba") else None

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """The answers: class indices, or quantities."""
        if self.costs is not None:
            return cheapest(np.asarray(self._model.predict_proba(frame)), self.costs)
        return np.asarray(self._model.predict(frame))

    @property
    def _model(self) -> Any:
        """What gives the probabilities."""
        return self.pipeline if self.calibrated is None else self.calibrated


def class_names(table: Table) -> list[str]:
    """The classes as settings name them: texts as they are, true and false, numbers by their digits."""
    return [str(name).lower() if isinstance(name, bool) else str(name) for name in table.classes]


def class_index(table: Table, name: str, key: str) -> int:
    """The place of the class ``name``. Raises SettingsError, which names the setting ``key``, where there is none."""
    names = class_names(table)
    if name not in names:
        raise SettingsError(f"setting {key}.{name}: '{table.target_name}' has no such class; {choices(name, names)}")
    return names.index(name)


def cost_matrix(table: Table, costs: Costs) -> np.ndarray | None:
    """``[true class, answer]``; None without costs or classes. Raises SettingsError for a class that does not exist."""
    if not costs or not table.classes:
        return None
    matrix = 1.0 - np.eye(len(table.classes))
    for true, answers in costs.items():
        row = class_index(table, true, "train.costs")
        for answer, cost in answers.items():
            matrix[row, class_index(table, answer, f"train.costs.{true}")] = cost
    return matrix
