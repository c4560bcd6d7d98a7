"""Forests and boosting as one float64 ``TreeEnsemble`` (ai.onnx.ml 5), summed in scikit-learn's own order.

A leaf of TreeEnsemble adds to one target only. A forest's leaf holds a share for every class, so each tree is written
once per class, with the branches folded that do not matter to the class. The sums stay those of scikit-learn, bit by
bit, since onnxruntime with one thread adds the trees in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from training.errors import ExportError
from training.export.graph import ML, Graph

_LESS_OR_EQUAL = 0
_SUM = 1
_LEAF = -1


@dataclass(frozen=True)
class Tree:
    """A fitted tree, its nodes in arrays as scikit-learn keeps them; node 0 is the root.

    A row goes left where ``x[feature] <= threshold``, or where x is NaN and ``missing_left``. ``left`` and ``right``
    are -1 in leaves. ``values`` is ``[nodes, targets]``; column k adds to target ``first_target + k``.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    values: np.ndarray
    first_target: int = 0

    def goes_left(self, nodes: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Whether each row, being at the inner node of the same position, goes left; ``rows`` is ``[n, features]``."""
        values = rows[np.arange(len(rows)), self.feature[nodes]]
        return np.where(np.isnan(values), self.missing_left[nodes], values <= self.threshold[nodes])


def forest_trees(forest: Any) -> list[Tree]:
    """The trees of a random forest; values are class shares or means."""
    fitted = [estimator.tree_ for estimator in forest.estimators_]
    return [
        Tree(
            feature=tree.feature,
            threshold=tree.threshold,
            left=tree.children_left,
            right=tree.children_right,
            missing_left=tree.missing_go_to_left.astype(bool),
            values=tree.value[:, 0, :],
        )
        for tree in fitted
    ]


def boosting_trees(boosting: Any) -> list[Tree]:
    """The trees of a histogram gradient boosting, in the order of its sum: the baseline first, as trees of one leaf."""
    baseline = np.ravel(boosting._baseline_prediction)
    trees = [_constant_tree(value, target) for target, value in enumerate(baseline)]
    for iteration in boosting._predictors:
        for target, predictor in enumerate(iteration):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise ExportError("the boosting split on category sets, which this export does not write")
            leaf = nodes["is_leaf"].astype(bool)
            trees.append(
                Tree(
                    feature=nodes["feature_idx"].astype(np.int64),
                    threshold=nodes["num_threshold"],
                    left=np.where(leaf, _LEAF, nodes["left"].astype(np.int64)),
                    right=np.where(leaf, _LEAF, nodes["right"].astype(np.int64)),
                    missing_left=nodes["missing_go_to_left"].astype(bool),
                    values=nodes["value"][:, None],
                    first_target=target,
                )
            )
    return trees


def sum_trees(graph: Graph, features: str, trees: list[Tree], targets: int) -> str:
    """Append the node that sums the trees' leaves: float64 ``[rows, targets]``."""
    arrays = _Arrays()
    for tree in trees:
        for offset in range(tree.values.shape[1]):
            arrays.append(tree, tree.values[:, offset], tree.first_target + offset)
    nodes = len(arrays.feature)
    return graph.add(
        "TreeEnsemble",
        features,
        domain=ML,
        n_targets=targets,
        aggregate_function=_SUM,
        tree_roots=arrays.roots,
        nodes_modes=helper.make_tensor("modes", TensorProto.UINT8, [nodes], [_LESS_OR_EQUAL] * nodes),
        nodes_featureids=arrays.feature,
        nodes_splits=helper.make_tensor("splits", TensorProto.DOUBLE, [nodes], arrays.threshold),
        nodes_missing_value_tracks_true=arrays.missing_left,
        nodes_truenodeids=arrays.left,
        nodes_falsenodeids=arrays.right,
        nodes_trueleafs=arrays.left_is_leaf,
        nodes_falseleafs=arrays.right_is_leaf,
        leaf_weights=helper.make_tensor("weights", TensorProto.DOUBLE, [len(arrays.weight)], arrays.weight),
        leaf_targetids=arrays.target,
    )


def _constant_tree(value: float, target: int) -> Tree:
    """A tree of one leaf."""
    nothing = np.zeros(1, dtype=np.int64)
    leaf = np.full(1, _LEAF, dtype=np.int64)
    return Tree(nothing, np.zeros(1), leaf, leaf, np.zeros(1, dtype=bool), np.full((1, 1), value), target)


class _Arrays:
    """The attributes of TreeEnsemble: inner nodes and leaves in two lists, children as positions in one of them."""

    def __init__(self) -> None:
        self.roots: list[int] = []
        self.feature: list[int] = []
        self.threshold: list[float] = []
        self.missing_left: list[int] = []
        self.left: list[int] = []
        self.right: list[int] = []
        self.left_is_leaf: list[int] = []
        self.right_is_leaf: list[int] = []
        self.weight: list[float] = []
        self.target: list[int] = []

    def append(self, tree: Tree, values: np.ndarray, target: int) -> None:
        """Add one tree with one value per node; subtrees whose leaves all have the same value become one leaf."""
        left, right = tree.left.tolist(), tree.right.tolist()
        folded = _fold(left, right, values.tolist())
        root = len(self.feature)
        self.roots.append(root)
        if folded[0] is not None:  # the format knows no tree without a node: one whose branches are the same leaf
            leaf = self._leaf(folded[0], target)
            self._node(0, 0.0, False, (leaf, True), (leaf, True))
            return
        kept = _preorder(left, right, folded)
        position = {node: root + index for index, node in enumerate(kept)}
        for node in kept:
            branches: list[tuple[int, bool]] = []
            for child in (left[node], right[node]):
                value = folded[child]
                branches.append((position[child], False) if value is None else (self._leaf(value, target), True))
            self._node(int(tree.feature[node]), float(tree.threshold[node]), bool(tree.missing_left[node]), *branches)

    def _leaf(self, weight: float, target: int) -> int:
        self.weight.append(weight)
        self.target.append(target)
        return len(self.weight) - 1

    def _node(
        self, feature: int, threshold: float, missing_left: bool, left: tuple[int, bool], right: tuple[int, bool]
    ) -> None:
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.missing_left.append(int(missing_left))
        self.left.append(left[0])
        self.left_is_leaf.append(int(left[1]))
        self.right.append(right[0])
        self.right_is_leaf.append(int(right[1]))


def _fold(left: list[int], right: list[int], values: list[float]) -> list[float | None]:
    """For each node the value that all leaves below it share, or None. Children stand after their parents."""
    folded: list[float | None] = [None] * len(values)
    for node in range(len(values) - 1, -1, -1):
        if left[node] == _LEAF:
            folded[node] = values[node]
        elif folded[left[node]] == folded[right[node]]:
            folded[node] = folded[left[node]]
    return folded


def _preorder(left: list[int], right: list[int], folded: list[float | None]) -> list[int]:
    """The inner nodes that remain, parents before children, left before right."""
    order: list[int] = []
    stack = [0]
    while stack:
        node = stack.pop()
        order.append(node)
        stack += [child for child in (right[node], left[node]) if folded[child] is None]
    return order
