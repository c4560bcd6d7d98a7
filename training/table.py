"""Turn the raw table into features and a target that can be learnt, or say which column stands in the way."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from app.artifact import Scalar
from training.columns import Column, check_feature, parse_column, parse_id, parse_timestamp
from training.data_settings import DataSettings
from training.errors import DataError
from training.ingest.roles import check_roles
from training.train_settings import Task

MIN_ROWS = 10
MAX_INTEGER_CLASSES = 20
_HASHED = 1 << 16  # values that are hashed at a time
_ID = re.compile(r"(.*[_ -])?(id|uuid|guid)", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """The parsed rows: features, and a target that is the index into ``classes`` or, for regression, a float64.

    ``columns`` are the features, the target, the ids, those set aside and the moment (if there is one) of all rows that
    were read, in this order; ``kept`` is the mask of those with a target, which the other arrays are made of.
    """

    features: list[Column]
    target_name: str
    target: np.ndarray
    classes: list[Scalar]
    task: Task
    fingerprint: str
    columns: list[Column]
    kept: np.ndarray
    ids: list[str]
    aside: list[str]
    timestamp: str | None

    def column(self, name: str) -> Column:
        """The column ``name`` of the rows with a target, whatever its role."""
        return next(column for column in self.columns if column.name == name).take(self.kept)

    @property
    def rows_dropped(self) -> int:
        """The number of rows without a target."""
        return len(self.kept) - self.rows

    @property
    def row_numbers(self) -> np.ndarray:
        """The numbers of the rows in the source, counted from 1."""
        return np.flatnonzero(self.kept) + 1

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
        """The features as scikit-learn gets them: floats with NaN, object columns with ``""`` for gaps.

        It is a view of the columns, made in no time, and not to be written to. Numbers are float32 where that holds
        each of a column's values exactly.
        """
        return pd.DataFrame({column.name: _view(column) for column in self.features}, copy=False)


def build_table(raw: pd.DataFrame, settings: DataSettings) -> Table:
    """Choose the columns' roles and types; rows without a target are dropped.

    Declared roles and types win; a column of distinct values whose name says that it is an id is one. Raises DataError
    naming the column that is missing, cannot be learnt from or cannot be predicted.
    """
    names = [str(name) for name in raw.columns if name not in settings.ignore]
    check_roles([*names, *settings.ignore], settings)
    raw = raw.set_axis([str(name) for name in raw.columns], axis="columns").reset_index(drop=True)
    target = parse_column(settings.target, raw[settings.target], settings.types.get(settings.target))
    kept = ~target.missing
    if kept.sum() < MIN_ROWS:
        raise DataError(f"{kept.sum()} rows with a '{settings.target}'; at least {MIN_ROWS} are needed")
    ids = [name for name in names if name in settings.id or _is_id(name, raw[name], settings)]
    moments = [parse_timestamp(name, raw[name]) for name in names if name == settings.timestamp]
    features = [
        _within_limits(parse_column(name, raw[name], settings.types.get(name)), settings)
        for name in names
        if name not in {settings.target, settings.timestamp, *settings.aside, *ids}
    ]
    if not features:
        raise DataError(f"no column is left to predict '{settings.target}' from: {', '.join(ids)} tell rows apart")
    aside = [name for name in names if name in settings.aside]
    columns = [
        *features,
        target,
        *(parse_id(name, raw[name]) for name in ids),
        *(parse_column(name, raw[name], settings.types.get(name)) for name in aside),
        *moments,
    ]
    if not kept.all():
        features, target = [column.take(kept) for column in features], target.take(kept)
    for column in features:
        check_feature(column, settings.max_categories)
    task = _task(target) if settings.task == "auto" else settings.task
    values, classes = _classes(target) if task == "classification" else (_regression_target(target), [])
    return Table(
        features=features,
        target_name=settings.target,
        target=values,
        classes=classes,
        task=task,
        fingerprint=_fingerprint(columns),
        columns=columns,
        kept=kept,
        ids=ids,
        aside=aside,
        timestamp=settings.timestamp or None,
    )


def _view(column: Column) -> pd.Series:
    """The column's values without a copy, locked against writing."""
    values = column.values.view()
    values.flags.writeable = False
    return pd.Series(values, dtype=values.dtype, copy=False)


def _is_id(name: str, series: pd.Series, settings: DataSettings) -> bool:
    """Whether a column that nothing was declared of tells rows apart: so says its name, and its values are distinct."""
    declared = {settings.target, settings.timestamp, *settings.aside, *settings.types, *settings.limits}
    return name not in declared and bool(_ID.fullmatch(name) and series.notna().all() and series.is_unique)


def _within_limits(column: Column, settings: DataSettings) -> Column:
    """The column, refused if it has a value beyond its declared limits."""
    if column.name not in settings.limits:
        return column
    least, greatest = np.asarray(settings.limits[column.name], dtype=np.float64)
    if column.type != "number" or not least <= greatest:
        raise DataError(f"data.limits.{column.name} = [{least:g}, {greatest:g}]: the least and greatest of a number")
    beyond = np.flatnonzero((column.values < least) | (column.values > greatest))
    if beyond.size:
        row = int(beyond[0])
        raise DataError(
            f"column '{column.name}' has {column.values[row]:g} in row {row + 1} and {beyond.size} value(s) beyond "
            f"data.limits.{column.name} = [{least:g}, {greatest:g}]: correct or empty them"
        )
    return column


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
    return target.values.astype(np.float64)


def _fingerprint(columns: Sequence[Column]) -> str:
    """The SHA-256 of names, types and values, column by column; numbers as float64, texts as one JSON array."""
    digest = hashlib.sha256()
    for column in columns:
        digest.update(msgspec.json.encode([column.name, column.type]))
        parts = [slice(start, start + _HASHED) for start in range(0, len(column.values), _HASHED)]
        if column.type == "category":
            texts = (msgspec.json.encode(column.values[part].tolist())[1:-1] for part in parts)
            for index, text in enumerate(texts):
                digest.update((b"," if index else b"[") + text)
            digest.update(b"]" if parts else b"[]")
        else:  # every gap is the same NaN
            for part in parts:
                values = column.values[part].astype("<f8")
                values[np.isnan(values)] = np.nan
                digest.update(values.data)
    return digest.hexdigest()
