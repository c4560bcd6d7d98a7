"""Split: which rows teach and which are held out for the metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from training.errors import DataError
from training.settings import SplitSettings
from training.table import Table


def split_rows(table: Table, settings: SplitSettings) -> tuple[np.ndarray, np.ndarray]:
    """The row numbers for training and for testing, disjoint and exhaustive.

    Raises DataError where a class has too few rows to stand in both parts.
    """
    stratify = table.target if table.task == "classification" and settings.stratify else None
    if stratify is not None:
        _check_classes(table, settings.test_size)
    parts: Any = train_test_split(
        np.arange(table.rows), test_size=settings.test_size, random_state=settings.seed, stratify=stratify
    )
    train, test = parts
    if len(test) < 2 or len(train) < 2:
        raise DataError(
            f"split.test_size = {settings.test_size:g} leaves {len(train)} rows to train and {len(test)} to test"
        )
    if table.task == "classification" and len(np.unique(table.target[train])) < len(table.classes):
        raise DataError(
            f"a class of '{table.target_name}' has no row to train on; add rows of it or set split.stratify = true"
        )
    return train, test


def _check_classes(table: Table, test_size: float) -> None:
    """Refuse classes that cannot be split, with words of our own."""
    counts = np.bincount(table.target, minlength=len(table.classes))
    rarest = int(counts.argmin())
    if counts[rarest] < 2:
        raise DataError(
            f"class {table.classes[rarest]!r} of '{table.target_name}' has 1 row, and 2 are needed to hold one out: "
            "add rows of it, remove it, or set --task regression if the target is a quantity"
        )
    test = int(np.ceil(table.rows * test_size))
    if min(test, table.rows - test) < len(table.classes):
        raise DataError(
            f"split.test_size = {test_size:g} of {table.rows} rows leaves a part with fewer rows than the "
            f"{len(table.classes)} classes of '{table.target_name}'; change it or add rows"
        )
