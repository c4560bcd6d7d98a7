"""The proof: what was exported answers as scikit-learn does, on the data and around every split threshold.

The rows tried are the table itself, rows of recombined columns and, for every split of every tree, a row that reaches
it with the split's feature set to the threshold, to its neighbours below and above, and to a gap where it may have one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from app.artifact import MAX_MAGNITUDE
from training.errors import ExportError
from training.export.runtime import Answers, Exported
from training.export.trees import Tree, boosting_trees, forest_trees
from training.fitted import Fitted
from training.table import Table

PROBABILITY_TOLERANCE = 1e-6
RELATIVE_TOLERANCE = 1e-6
BATCH = 20_000
LOOKED_AT = 10_000
RECOMBINED = 2_000


@dataclass(frozen=True)
class _Changes:
    """Rows of a table, and for each the number feature to set and the value to set it to."""

    rows: np.ndarray
    features: np.ndarray
    values: np.ndarray


def prove(fitted: Fitted, model: Exported, table: Table, *others: Exported) -> int:
    """Compare ``model``, and ``others`` that must answer alike, with ``fitted``; returns the number of rows tried.

    Raises ExportError with the count and the first row where a label differs, or a probability or quantity by more
    than the tolerance.
    """
    tried = disagreeing = 0
    first = ""
    for rows in proof_rows(fitted, table):
        with np.errstate(all="ignore"):  # scikit-learn's sums of huge numbers overflow; its answers do not
            wrong = _disagreements(fitted, (model, *others), rows)
        tried += len(rows)
        disagreeing += len(wrong)
        if len(wrong) and not first:
            first = str(rows.iloc[int(wrong[0])].to_dict())
    if disagreeing:
        raise ExportError(
            f"the exported graph disagrees with scikit-learn on {disagreeing} of {tried} rows, the first being "
            f"{first}; nothing was published: choose another estimator or other parameters"
        )
    return tried


def proof_rows(fitted: Fitted, table: Table) -> Iterator[pd.DataFrame]:
    """The rows to try, in batches of bounded size."""
    frame = table.frame()
    for start in range(0, len(frame), BATCH):
        yield exact(frame.iloc[start : start + BATCH], table)
    yield _recombined(frame, table)
    trees, dtype = _trees(fitted.estimator)
    if not trees:
        return
    changes = _around_thresholds(trees, _reaching_rows(fitted, trees, frame, table, dtype), table, dtype)
    names = [column.name for column in table.numbers]
    for start in range(0, len(changes.rows), BATCH):
        part = slice(start, start + BATCH)
        rows = exact(frame.iloc[changes.rows[part]].reset_index(drop=True), table)
        for position, name in enumerate(names):
            chosen = np.flatnonzero(changes.features[part] == position)
            rows.loc[chosen, name] = changes.values[part][chosen]
        yield rows


def _trees(estimator: Any) -> tuple[list[Tree], type]:
    """The estimator's trees, if it has any, and the float type in which it compares with thresholds."""
    if hasattr(estimator, "estimators_"):
        return forest_trees(estimator), np.float32
    if hasattr(estimator, "coef_"):
        return [], np.float64
    return boosting_trees(estimator), np.float64


def exact(rows: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The rows with float64 numbers, as requests have them."""
    return rows.astype({column.name: np.float64 for column in table.numbers})


def _recombined(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Rows whose columns come from different rows; columns that may have gaps, and all texts, have more of them."""
    generator = np.random.default_rng(0)
    rows: dict[str, pd.Series] = {}
    for column in table.features:
        values = column.exact(generator.integers(0, len(frame), RECOMBINED))
        if column.type == "category":
            values[generator.random(RECOMBINED) < 0.2] = ""
        elif column.missing.any():
            values[generator.random(RECOMBINED) < 0.2] = np.nan
        rows[column.name] = pd.Series(values)
    return pd.DataFrame(rows)


def _around_thresholds(trees: list[Tree], reaching: list[np.ndarray], table: Table, dtype: type) -> _Changes:
    """For every split on a number in every tree: a row that reaches it, the feature, and the values to try."""
    splits: list[np.ndarray] = []
    for tree, reached in zip(trees, reaching, strict=True):
        inner = np.flatnonzero(_tried(tree, table) & (reached >= 0))
        splits.append(np.stack([reached[inner], tree.feature[inner], tree.threshold[inner]]).astype(np.float64))
    row, feature, threshold = np.concatenate(splits, axis=1)
    nullable = np.array([column.missing.any() for column in table.numbers], dtype=bool)
    at = threshold.astype(dtype)
    values = np.stack(
        [np.nextafter(at, dtype(-np.inf)), at, np.nextafter(at, dtype(np.inf)), np.full_like(at, np.nan)], axis=1
    ).astype(np.float64)
    usable = np.abs(values) <= MAX_MAGNITUDE
    usable[:, 3] = nullable[feature.astype(np.int64)]
    split = np.nonzero(usable)[0]
    return _Changes(row[split].astype(np.int64), feature[split].astype(np.int64), values[usable])


def _tried(tree: Tree, table: Table) -> np.ndarray:
    """A mask of the nodes that split on a number."""
    return (tree.left >= 0) & (tree.feature < len(table.numbers))


def _reaching_rows(
    fitted: Fitted, trees: list[Tree], frame: pd.DataFrame, table: Table, dtype: type
) -> list[np.ndarray]:
    """For each node of each tree the index of a row that reaches it, or -1; rows are looked at until all are found."""
    reaching = [np.full(len(tree.left), -1, dtype=np.int64) for tree in trees]
    sought = [_tried(tree, table) for tree in trees]
    for start in range(0, len(frame), LOOKED_AT):
        unsettled = [index for index, mask in enumerate(sought) if (reaching[index][mask] < 0).any()]
        if not unsettled:
            break
        part = fitted.columns.transform(frame.iloc[start : start + LOOKED_AT])
        features = np.asarray(part, dtype=dtype)
        for index in unsettled:
            found = _reached(trees[index], features)
            new = (reaching[index] < 0) & (found >= 0)
            reaching[index][new] = found[new] + start
    return reaching


def _reached(tree: Tree, features: np.ndarray) -> np.ndarray:
    """For each node the position of one of these rows that reaches it, or -1."""
    reached = np.full(len(tree.left), -1, dtype=np.int64)
    rows = np.arange(len(features))
    nodes = np.zeros(len(features), dtype=np.int64)
    while len(rows):
        reached[nodes] = rows
        inner = tree.left[nodes] >= 0
        rows, nodes = rows[inner], nodes[inner]
        nodes = np.where(tree.goes_left(nodes, features[rows]), tree.left[nodes], tree.right[nodes])
    return reached


def _disagreements(fitted: Fitted, models: tuple[Exported, ...], rows: pd.DataFrame) -> np.ndarray:
    """The positions of the rows that one of the models answers otherwise."""
    expected, shares = fitted.predict(rows), fitted.probabilities(rows)
    agrees = [_agrees(model.predict(rows), expected, shares) for model in models]
    return np.flatnonzero(~np.logical_and.reduce(agrees))


def _agrees(answers: Answers, expected: np.ndarray, shares: np.ndarray | None) -> np.ndarray:
    """For each row, whether its answer is the expected one."""
    if answers.probabilities is None or shares is None:
        scale = float(np.abs(expected).max())
        return np.isclose(answers.predictions, expected, rtol=RELATIVE_TOLERANCE, atol=1e-12 * scale)
    near = (np.abs(answers.probabilities - shares) <= PROBABILITY_TOLERANCE).all(axis=1)
    return (answers.predictions == expected) & near
