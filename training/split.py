"""Split: which rows teach and which are held out for the metrics; and folds of the rows that teach."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    train_test_split,
)

from training.columns import Column
from training.errors import DataError, SettingsError, choices
from training.table import Table
from training.train_settings import SplitSettings

Parts = list[tuple[np.ndarray, np.ndarray]]
_STRATA = 20  # folds that a stratified part of whole groups is made up of


def split_rows(table: Table, settings: SplitSettings) -> tuple[np.ndarray, np.ndarray]:
    """The row numbers for training and for testing, disjoint and exhaustive.

    Raises DataError where a class has too few rows to stand in both parts, or a row has no group or no moment.
    """
    if settings.by == "time":
        train, test = _by_time(table, settings)
    elif settings.by == "group":
        train, test = _by_group(table, settings)
    else:
        stratified = _stratified(table, settings)
        if stratified:
            _check_classes(table, settings.test_size)
        parts: Any = train_test_split(
            np.arange(table.rows),
            test_size=settings.test_size,
            random_state=settings.seed,
            stratify=table.target if stratified else None,
        )
        train, test = parts
    if len(test) < 2 or len(train) < 2:
        raise DataError(
            f"split.test_size = {settings.test_size:g} leaves {len(train)} rows to train and {len(test)} to test"
        )
    if table.task == "classification" and len(np.unique(table.target[train])) < len(table.classes):
        remedy = "add rows of it" + (" or set split.stratify = true" if settings.by == "row" else "")
        raise DataError(f"a class of '{table.target_name}' has no row to train on; {remedy}")
    return train, test


def make_folds(table: Table, rows: np.ndarray, settings: SplitSettings, count: int, cover: bool = False) -> Parts:
    """``count`` pairs of positions in ``rows``, to train on and to judge by, made as the settings hold rows out.

    By time each fold is judged by the rows that follow those it is trained on, which leaves the oldest rows unjudged;
    with ``cover`` one period after the other is judged after training on all others, so that each row is judged once.
    Raises DataError where the rows do not allow so many folds.
    """
    target = table.target[rows]
    stratified = _stratified(table, settings)
    groups = None
    if stratified and (scarce := int(np.bincount(target).min())) < count:
        raise DataError(
            f"train.folds = {count} of the {len(rows)} rows to train on: a class of '{table.target_name}' has {scarce} "
            "rows there; add rows of it, or make fewer folds"
        )
    if settings.by == "time":
        distinct, place = np.unique(_moments(table)[rows], return_inverse=True)
        if len(distinct) <= count:
            raise DataError(f"train.folds = {count}: the rows to train on are of {len(distinct)} moments only")
        parts = (KFold(count) if cover else TimeSeriesSplit(count)).split(distinct)
        return [(np.flatnonzero(np.isin(place, old)), np.flatnonzero(np.isin(place, new))) for old, new in parts]
    if settings.by == "group":
        groups = _groups(table, settings)[rows]
        if (known := len(np.unique(groups))) < count:
            raise DataError(
                f"train.folds = {count}: the rows to train on have {known} groups of '{settings.group}' only"
            )
        chosen: Any = StratifiedGroupKFold if stratified else GroupKFold
    else:
        chosen = StratifiedKFold if stratified else KFold
    kind = chosen(count, shuffle=True, random_state=settings.seed)
    return _split(kind, np.arange(len(rows)), target, groups)


def _split(kind: Any, rows: np.ndarray, target: np.ndarray | None, groups: np.ndarray | None) -> Parts:
    """The folds that scikit-learn's ``kind`` makes; classes that are missing in one are refused later, where fitted."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of rare classes, which are refused where it matters
            return list(kind.split(rows, target, groups))
    except ValueError as error:
        raise DataError(
            f"the {len(rows)} rows cannot be parted: {error}; see split.test_size, split.stratify and train.folds"
        ) from error


def _stratified(table: Table, settings: SplitSettings) -> bool:
    """Whether the classes' shares are kept equal."""
    return table.task == "classification" and settings.stratify and settings.by != "time"


def _by_time(table: Table, settings: SplitSettings) -> tuple[np.ndarray, np.ndarray]:
    """The oldest and the newest rows; rows of the same moment stand in one part."""
    moments = _moments(table)
    order = np.argsort(moments, kind="stable")
    wanted = table.rows - int(np.ceil(table.rows * settings.test_size))
    first = moments[order[min(max(wanted, 0), table.rows - 1)]]
    train = order[moments[order] < first]
    return train, order[len(train) :]


def _by_group(table: Table, settings: SplitSettings) -> tuple[np.ndarray, np.ndarray]:
    """Whole groups in each part, the test part having about its share of rows, or of groups if not stratified."""
    groups = _groups(table, settings)
    known = len(np.unique(groups))
    if known < 2:
        raise DataError(f"split.group {settings.group}: all rows are of one group, so none can be held out")
    every = np.arange(table.rows)
    if not _stratified(table, settings):
        once = GroupShuffleSplit(1, test_size=settings.test_size, random_state=settings.seed)
        return _split(once, every, table.target, groups)[0]
    # Folds with the classes' shares, as many of them as make up the part.
    count = min(_STRATA, known, int(np.bincount(table.target).max()))
    folds = _split(StratifiedGroupKFold(count, shuffle=True, random_state=settings.seed), every, table.target, groups)
    held_out = min(max(1, round(count * settings.test_size)), count - 1)
    test = np.sort(np.concatenate([rows for _, rows in folds[:held_out]]))
    return np.setdiff1d(every, test), test


def _moments(table: Table) -> np.ndarray:
    """The rows' moments in seconds."""
    if table.timestamp is None:
        raise SettingsError('split.by = "time": which column has the moment? Set data.timestamp')
    return _whole(table, table.timestamp, 'which split.by = "time" needs').values


def _groups(table: Table, settings: SplitSettings) -> np.ndarray:
    """The number of each row's group."""
    names = [column.name for column in table.columns]
    if settings.group not in names:
        raise SettingsError(
            f"setting split.group = {settings.group!r}: no such column; {choices(settings.group, names)}"
        )
    column = _whole(table, settings.group, "so their group is unknown: fill it in, or leave the rows out")
    return np.unique(column.values.astype(str) if column.type == "category" else column.values, return_inverse=True)[1]


def _whole(table: Table, name: str, consequence: str) -> Column:
    """The column, refused if it has a gap. Raises DataError with the first row."""
    column = table.column(name)
    if column.missing.any():
        row = table.row_numbers[int(column.missing.argmax())]
        raise DataError(
            f"column '{name}' has no value in row {row} and {int(column.missing.sum())} row(s) in all, {consequence}"
        )
    return column


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
