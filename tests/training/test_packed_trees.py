"""The packed trees and the kernel that sums them: equal to scikit-learn for trees of any size and any number of rows.

`test_exactness` asks the same of them on every kind of table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.kernel.library import Summation
from app.kernel.packed import Ensemble, decode, encode
from tests.training.tables import read_iris
from training.errors import ExportError
from training.export.pack import PROBES, pack, sums
from training.export.prove import prove
from training.export.runtime import Trees

pytestmark = pytest.mark.usefixtures("tree_kernel")
FOREST = "train.random_forest."
ROUNDS = "train.hist_gradient_boosting.max_iter=20"
# One leaf, two; as many as a mask has bits, and one beside it; so many that trees are walked.
LEAVES = [2, 3, 63, 64, 65, 500]
# Around what the kernel handles at once: lone rows, lanes, chunks, what fetches ahead, blocks.
COUNTS = [1, 2, 11, 12, 13, 31, 32, 33, 43, 44, 63, 64, 65, 1023, 1024, 1025, 1036, 2100]


def tables(rows: int = 1500) -> pd.DataFrame:
    """Noise with gaps in one column, so that trees grow as large as they may."""
    generator = np.random.default_rng(1)
    table = pd.DataFrame(generator.normal(size=(rows, 5)), columns=list("abcde"))
    table["a"] = table["a"].mask(generator.random(rows) < 0.3)
    table["y"] = generator.choice(["p", "q", "r", "s"], rows)
    return table


def packed(made: Any) -> Ensemble:
    """The ensemble as a reader of the artifact has it."""
    ensemble = pack(made.fitted, made.table)
    assert ensemble is not None
    return decode(encode(ensemble))


def features(made: Any, frame: pd.DataFrame) -> np.ndarray:
    """The numbers that the trees take."""
    return np.asarray(made.fitted.columns.transform(frame), dtype=np.float64)


@pytest.mark.parametrize("leaves", LEAVES)
@pytest.mark.parametrize("estimator", ["random_forest", "hist_gradient_boosting"])
def test_trees_of_every_size_give_scikit_learns_sums_to_the_last_bit(
    estimator: str, leaves: int, fitted: Callable[..., Any]
) -> None:
    limits = [f"train.{estimator}.max_leaf_nodes={leaves}", FOREST + "n_estimators=20", ROUNDS]
    smallest = "train.hist_gradient_boosting.min_samples_leaf=1"
    made = fitted(tables(), "y", estimator, *limits, smallest)
    ensemble = packed(made)
    assert int(np.diff(ensemble.roots).max()) == 2 * leaves - 1
    fit = made.fitted.estimator
    rows = features(made, made.frame)
    if estimator == "random_forest":
        expected = np.zeros((len(rows), 4))
        for tree in fit.estimators_:
            expected += tree.tree_.predict(rows.astype(np.float32))
    else:
        expected = fit._raw_predict(rows)
    total = Summation(ensemble)
    assert (sums(ensemble, rows) == expected).all()
    assert (total(rows) == expected).all()
    assert (np.concatenate([total(rows[row : row + 1]) for row in range(300)]) == expected[:300]).all()


@pytest.mark.parametrize("leaves", [16, 500])
def test_any_number_of_rows_is_summed_as_each_row_alone(leaves: int, fitted: Callable[..., Any]) -> None:
    made = fitted(tables(), "y", "random_forest", f"{FOREST}max_leaf_nodes={leaves}", FOREST + "n_estimators=37")
    ensemble = packed(made)
    rows = np.concatenate([features(made, made.frame)] * 2)
    expected = sums(ensemble, rows)
    for count in COUNTS:
        assert (Summation(ensemble)(rows[:count]) == expected[:count]).all(), count


def test_a_constant_target_of_a_leafs_own_is_a_tree_of_one_leaf(fitted: Callable[..., Any]) -> None:
    made = fitted(tables(), "y", "random_forest", FOREST + "min_samples_leaf=1000", FOREST + "n_estimators=20")
    ensemble = packed(made)
    assert ensemble.header.nodes == ensemble.header.trees == 20
    rows = features(made, made.frame)[:100]
    assert (Summation(ensemble)(rows) == sums(ensemble, rows)).all()


def test_threads_that_sum_at_once_do_not_disturb_each_other(fitted: Callable[..., Any]) -> None:
    made = fitted(tables(), "y", "random_forest", FOREST + "n_estimators=30")
    ensemble = packed(made)
    total = Summation(ensemble)
    rows = features(made, made.frame)
    expected = sums(ensemble, rows)
    with ThreadPoolExecutor(4) as pool:
        parts = [slice(start, start + 97) for start in range(0, 1400, 50)]
        found = pool.map(total, [rows[part] for part in parts * 5])
        assert all((each == expected[part]).all() for each, part in zip(found, parts * 5, strict=True))


def test_equal_trainings_pack_equal_bytes_and_linear_models_none(fitted: Callable[..., Any]) -> None:
    first, again = (fitted(read_iris(), "species", "random_forest") for _ in range(2))
    assert encode(packed(first)) == encode(packed(again))
    linear = fitted(read_iris(), "species", "linear")
    assert pack(linear.fitted, linear.table) is None


@pytest.mark.parametrize("estimator", ["random_forest", "hist_gradient_boosting"])
def test_probes_stand_at_thresholds_and_have_the_gaps_of_the_data(estimator: str, fitted: Callable[..., Any]) -> None:
    made = fitted(tables(), "y", estimator, ROUNDS, FOREST + "n_estimators=20")
    ensemble = packed(made)
    probes = ensemble.probe_rows
    assert len(probes) == PROBES
    assert np.isnan(probes[:, 0]).any()
    assert not np.isnan(probes[:, 1:]).any()
    thresholds = np.unique(ensemble.nodes["threshold"])
    shifted = [np.float32, np.float64][estimator != "random_forest"]
    at = {float(shifted(value)) for value in thresholds if np.isfinite(value)}
    on = [value in at for value in probes.ravel()]
    assert sum(on) >= PROBES // 5


@pytest.mark.parametrize("change", ["threshold", "value"])
def test_packed_trees_that_differ_are_refused(change: str, fitted: Callable[..., Any]) -> None:
    stumps = ("train.random_forest.max_depth=1", FOREST + "n_estimators=10")  # every split changes an answer
    made = fitted(read_iris(), "species", "random_forest", *stumps)
    ensemble = packed(made)
    nodes, values = ensemble.nodes.copy(), ensemble.values.copy()
    if change == "threshold":
        split = np.flatnonzero(np.isfinite(nodes["threshold"]))[-1]
        nodes["threshold"][split] = np.nextafter(np.float32(nodes["threshold"][split]), np.float32(np.inf))
    else:
        values[-1, 0] += 0.01
    altered = dataclasses.replace(ensemble, nodes=nodes, values=values)
    altered = dataclasses.replace(altered, probe_sums=sums(altered, altered.probe_rows))
    kinds = {column.name: column.type for column in made.table.features}
    prove(made.fitted, made.model, made.table, Trees(encode(ensemble), kinds, []))
    with pytest.raises(ExportError, match="disagrees with scikit-learn"):
        prove(made.fitted, made.model, made.table, Trees(encode(altered), kinds, []))


def test_without_a_compiler_training_proves_the_trees_all_the_same(
    fitted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = fitted(read_iris(), "species", "random_forest", FOREST + "n_estimators=10")
    packed_once = packed(made)
    kinds = {column.name: column.type for column in made.table.features}
    with monkeypatch.context() as patched:
        patched.setattr("training.export.pack.sums", None)  # it is the kernel's answer, not NumPy's
        compiled = Trees(encode(packed_once), kinds, []).predict(made.frame)
    monkeypatch.setattr("app.kernel.library.LIBRARY", tmp_path / "none.so")
    plain = Trees(encode(packed_once), kinds, []).predict(made.frame)
    assert plain.probabilities is not None
    assert compiled.probabilities is not None
    assert (plain.probabilities == compiled.probabilities).all()
