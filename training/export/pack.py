"""A fitted tree ensemble as the arrays of `app.kernel.packed`, with probes that a kernel must repeat."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from app.kernel.packed import FORMAT, MOST, NODE, Ensemble, Header, Link
from training.export.trees import Tree, boosting_trees, forest_trees
from training.fitted import Fitted
from training.table import Table

PROBES = 128


def pack(fitted: Fitted, table: Table) -> Ensemble | None:
    """The ensemble of a forest or a boosting; None for other estimators, and for more nodes than the format holds.

    The probes are rows of the table, most of them moved to a threshold on their way or one ulp beside it.
    """
    estimator = fitted.estimator
    if hasattr(estimator, "coef_"):
        return None
    forest = hasattr(estimator, "estimators_")
    trees = forest_trees(estimator) if forest else boosting_trees(estimator)
    if sum(len(tree.left) for tree in trees) >= MOST:
        return None
    frame = table.frame()
    chosen = np.linspace(0, len(frame) - 1, PROBES).astype(np.int64)
    features = np.asarray(fitted.columns.transform(frame.iloc[chosen]), dtype=np.float64)
    gaps = [column.missing.any() for column in table.numbers]
    probes = _probes(trees, features, len(gaps), np.float32 if forest else np.float64)
    link = _forest_link(table) if forest else _boosting_link(estimator, table)
    ensemble = _arrays(trees, link, forest, np.flatnonzero(gaps), probes)
    costs = [] if fitted.costs is None else fitted.costs.tolist()
    decided = msgspec.structs.replace(ensemble.header, scaling=fitted.scaling, costs=costs)
    return dataclasses.replace(ensemble, header=decided)


def sums(ensemble: Ensemble, rows: np.ndarray) -> np.ndarray:
    """What the kernel must sum, ``[rows, outputs]``: the same walks in NumPy, some fifty times as slow."""
    header = ensemble.header
    columns = rows[:, header.sources]
    if header.rounded:
        columns = columns.astype(np.float32).astype(np.float64)
    left = columns[:, : header.features]
    left[np.isnan(left)] = -np.inf
    every = np.arange(len(rows))
    total = np.zeros((len(rows), header.outputs))
    for tree, root in enumerate(ensemble.roots[:-1]):
        at = np.full(len(rows), root, dtype=np.int64)
        while True:
            node = ensemble.nodes[at]
            following = node["left"] + ~(columns[every, node["column"]] <= node["threshold"])
            if (following == at).all():
                break
            at = following
        first = ensemble.targets[tree]
        total[:, first : first + header.width] += ensemble.values[ensemble.leaf[at]]
    return total


def _forest_link(table: Table) -> Link:
    return "shares" if table.classes else "mean"


def _boosting_link(boosting: Any, table: Table) -> Link:
    """What the estimator makes of its sums; `training.export.convert` has refused other losses before."""
    if table.classes:
        return "logistic" if len(table.classes) == 2 else "softmax"
    return "exp" if type(boosting._loss.link).__name__ == "LogLink" else "identity"


def _arrays(trees: Sequence[Tree], link: Link, forest: bool, nullable: np.ndarray, probes: np.ndarray) -> Ensemble:
    """The trees one behind the other, each leaf's values once however many leaves have them."""
    features = probes.shape[1]
    column = {int(feature): features + place for place, feature in enumerate(nullable)}
    parts = [_nodes(tree, column) for tree in trees]
    sizes = np.array([len(tree.left) for tree in trees])
    roots = np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint32)
    nodes = np.concatenate([part for part, _ in parts])
    nodes["left"] += np.repeat(roots[:-1], sizes)
    values, leaf = _distinct(np.concatenate([values for _, values in parts]), nodes)
    targets = np.array([tree.first_target for tree in trees], dtype=np.uint32)
    width = values.shape[1]
    header = Header(
        format=FORMAT,
        link=link,
        rounded=forest,
        features=features,
        sources=[*range(features), *nullable.tolist()],
        outputs=int(targets.max()) + width,
        width=width,
        trees=len(trees),
        nodes=len(nodes),
        leaves=len(values),
        probes=len(probes),
    )
    unknown = np.zeros((len(probes), header.outputs))
    ensemble = Ensemble(header, nodes, values, probes, unknown, roots, targets, leaf)
    return Ensemble(header, nodes, values, probes, sums(ensemble, probes), roots, targets, leaf)


def _nodes(tree: Tree, right_column: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A tree's nodes level by level, children side by side, and the values of each; positions begin at 0."""
    levels = [np.zeros(1, dtype=np.int64)]
    while len(levels[-1]):
        inner = levels[-1][tree.left[levels[-1]] >= 0]
        levels.append(np.stack([tree.left[inner], tree.right[inner]], axis=1).ravel())
    order = np.concatenate(levels)
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    leaf = tree.left[order] < 0
    columns = tree.feature[order].copy()
    for feature, column in right_column.items():
        columns[(columns == feature) & ~tree.missing_left[order]] = column
    nodes = np.zeros(len(order), dtype=NODE)
    nodes["threshold"] = np.where(leaf, np.inf, tree.threshold[order])
    nodes["left"] = np.where(leaf, np.arange(len(order)), position[tree.left[order]])
    nodes["column"] = np.where(leaf, 0, columns)
    return nodes, tree.values[order]


def _distinct(values: np.ndarray, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different rows of ``values`` that leaves have, bit by bit, and for each node which it is (0 if inner)."""
    leaves = np.flatnonzero(nodes["left"] == np.arange(len(nodes)))
    rows = np.ascontiguousarray(values[leaves], dtype="<f8")
    bits = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
    _, first, which = np.unique(bits, return_index=True, return_inverse=True)
    leaf = np.zeros(len(nodes), dtype=np.uint32)
    leaf[leaves] = which
    return rows[first], leaf


def _probes(trees: Sequence[Tree], rows: np.ndarray, numbers: int, dtype: type) -> np.ndarray:
    """Rows of which three in four have one number at the threshold of a split on their way, or one ulp beside it."""
    probes = rows.copy()
    for index, probe in enumerate(probes):
        tree = trees[index * 7 % len(trees)]
        way = _way(tree, probe.astype(dtype))
        splits = [node for node in way if tree.feature[node] < numbers and np.isfinite(tree.threshold[node])]
        if splits and index % 4:
            node = splits[-1 - index % len(splits)]
            at = dtype(tree.threshold[node])
            beside = [np.nextafter(at, dtype(-np.inf)), at, np.nextafter(at, dtype(np.inf))][index % 4 - 1]
            probe[tree.feature[node]] = beside
    return probes


def _way(tree: Tree, row: np.ndarray) -> list[int]:
    """The inner nodes that ``row`` passes."""
    way: list[int] = []
    node = 0
    while tree.left[node] >= 0:
        way.append(node)
        left = bool(tree.goes_left(np.array([node]), row[None])[0])
        node = int(tree.left[node] if left else tree.right[node])
    return way
