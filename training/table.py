"""Validate: turn the raw table into features and a target that can be learnt, or say which column stands in the way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from app.artifact import Scalar
from training.columns import Column, check_feature, parse_column
from training.errors import DataError, choices
from training.settings import DataSettings, Task

MIN_ROWS = 10
MAX_INTEGER_CLASSES = 20


@dataclass(frozen=True)
class Table:
    """The parsed rows: features, and a target that is the index into ``classes`` or, for regression, a float64."""

    features: list[Column]
    target_name: str
    target: np.ndarray
    classes: list[Scalar]
    task: Task
    fingerprint: str
    rows_dropped: int

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.target)

    @property
    def numbers(self) -> list[Column]:
        """The number and boolean features, in the order of the graph's ``numbers`` input."""
        return [column for column in self.features if column.type != "category"]

    @property
    def texts(self) -> list[Column]:
        """The category features, in the order of the graph's ``texts`` input."""
        return [column for column in self.features if column.type == "category"]

    def frame(self) -> pd.DataFrame:
        """The features as scikit-learn gets them: float64 columns with NaN, object columns with ``""`` for gaps."""
        return pd.DataFrame({column.name: pd.Series(column.values) for column in self.features})


def build_table(raw: pd.DataFrame, settings: DataSettings) -> Table:
    """Choose the columns' roles and types; rows without a target are dropped.

    Raises DataError naming the column that is missing, cannot be learnt from or cannot be predicted.
    """
    _check_roles(list(raw.columns), settings)
    named = raw[settings.target].notna() & (raw[settings.target].astype(object) != "")
    kept = raw[named].reset_index(drop=True)
    if len(kept) < MIN_ROWS:
        raise DataError(f"{len(kept)} rows with a '{settings.target}'; at least {MIN_ROWS} are needed")
    target = parse_column(settings.target, kept[settings.target])
    task = _task(target) if settings.task == "auto" else settings.task
    values, classes = _classes(target) if task == "classification" else (_regression_target(target), [])
    features = [
        parse_column(name, kept[name]) for name in kept.columns if name not in {settings.target, *settings.ignore}
    ]
    for column in features:
        check_feature(column, settings.max_categories)
    return Table(
        features=features,
        target_name=settings.target,
        target=values,
        classes=classes,
        task=task,
        fingerprint=_fingerprint([*features, target]),
        rows_dropped=len(raw) - len(kept),
    )


def _check_roles(names: list[str], settings: DataSettings) -> None:
    """Refuse roles for columns that do not exist, or that leave nothing to learn from."""
    if settings.target not in names:
        hint = choices(settings.target, names)
        raise DataError(f"the target '{settings.target}' is no column of the data (set it with --target); {hint}")
    for name in settings.ignore:
        if name not in names:
            raise DataError(f"--ignore {name}: no such column; {choices(name, names)}")
    if settings.target in settings.ignore:
        raise DataError(f"--ignore {settings.target}: it is the target")
    if not set(names) - {settings.target, *settings.ignore}:
        raise DataError(f"no column is left to predict '{settings.target}' from")


def _task(target: Column) -> Task:
    """Classes for text, booleans and a few whole numbers; quantities otherwise."""
    if target.type != "number":
        return "classification"
    distinct = np.unique(target.values)
    few = len(distinct) <= MAX_INTEGER_CLASSES and bool((distinct == np.round(distinct)).all())
    return "classification" if few else "regression"


def _classes(target: Column) -> tuple[np.ndarray, list[Scalar]]:
    """The target as int64 indices into its sorted distinct values, and those values."""
    distinct, indices = np.unique(target.values, return_inverse=True)
    if len(distinct) < 2:
        raise DataError(f"the target '{target.name}' has one class only ({distinct[0]}); there is nothing to learn")
    return indices.astype(np.int64), [_scalar(value, target) for value in distinct.tolist()]


def _scalar(value: Any, target: Column) -> Scalar:
    """A class as it is written in answers: text, a boolean, a whole number or a number."""
    if isinstance(value, str):
        return value
    if target.type == "boolean":
        return bool(value)
    return int(value) if float(value).is_integer() else float(value)


def _regression_target(target: Column) -> np.ndarray:
    """The target as float64, refused if it is text or never changes."""
    if target.type == "category":
        raise DataError(f"the target '{target.name}' is text ('{target.categories[0]}'); regression needs numbers")
    if target.values.min() == target.values.max():
        raise DataError(f"the target '{target.name}' is {target.values[0]:g} in every row; there is nothing to learn")
    return target.values


def _fingerprint(columns: Sequence[Column]) -> str:
    """The SHA-256 of names, types and values, column by column."""
    digest = hashlib.sha256()
    for column in columns:
        digest.update(msgspec.json.encode([column.name, column.type, column.values.tolist()]) + b"\n")
    return digest.hexdigest()
