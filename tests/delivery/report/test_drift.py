"""The population stability index of training data, from what two manifests say of them."""

from __future__ import annotations

import numpy as np
import pytest

from app.artifact import Feature
from delivery.report.drift import LARGE, NOTABLE, feature_psi, psi
from training.columns import Column
from training.distributions import describe_feature

RANDOM = np.random.default_rng(7)


def number(values: np.ndarray, missing: np.ndarray | None = None) -> Feature:
    """A feature as training describes it, with gaps where ``missing``."""
    given = values if missing is None else np.where(missing, np.nan, values)
    return describe_feature(Column("x", "number", given), np.arange(len(given)))


def category(*names: str) -> Feature:
    """Likewise, of texts."""
    column = Column("x", "category", np.array(names, dtype=object), tuple(sorted(set(names))))
    return describe_feature(column, np.arange(len(names)))


def test_the_index_is_the_formulas() -> None:
    before, after = [50, 30, 20], [40, 30, 30]
    assert psi(before, after) == pytest.approx(0.1 * np.log(0.5 / 0.4) + 0.1 * np.log(0.3 / 0.2))
    assert psi(before, [5, 3, 2]) == pytest.approx(0), "shares count, not rows"
    assert psi(before, after) == pytest.approx(psi(after, before))
    assert 0 < psi([100, 0], [90, 10]) < 10, "an empty bin is no infinity"


def test_the_same_rows_have_not_drifted() -> None:
    values = RANDOM.normal(size=2000)
    assert feature_psi(number(values), number(values)) == pytest.approx(0)
    assert feature_psi(category(*"aab"), category(*"aab")) == pytest.approx(0)


def test_other_rows_of_the_same_kind_drift_less_than_is_notable_though_their_bins_differ() -> None:
    old, new = number(RANDOM.normal(size=5000)), number(RANDOM.normal(size=5000))
    assert old.distribution.edges != new.distribution.edges
    assert feature_psi(old, new) == pytest.approx(0, abs=NOTABLE / 5)


def test_the_estimate_over_other_bins_is_near_the_index_of_the_rows_themselves() -> None:
    first = RANDOM.normal(size=5000)
    for shift, scale in ((0.2, 1), (0.5, 1), (0, 1.5), (1, 2)):
        second = RANDOM.normal(shift, scale, size=5000)
        old = number(first)
        edges = [-np.inf, *old.distribution.edges, np.inf]
        truth = psi(list(old.distribution.counts), list(np.histogram(second, edges)[0]))
        assert feature_psi(old, number(second)) == pytest.approx(truth, abs=0.1)


def test_rows_far_away_and_gaps_that_appear_are_large() -> None:
    values = RANDOM.normal(size=1000)
    assert (feature_psi(number(values), number(values + 100)) or 0) > LARGE
    assert (feature_psi(number(values), number(values, RANDOM.random(1000) < 0.3)) or 0) > LARGE
    assert (feature_psi(category(*"aabb"), category(*"aacc")) or 0) > LARGE


def test_constants_and_columns_without_a_value_are_no_error() -> None:
    ones, empty = number(np.ones(50)), number(np.ones(50), np.ones(50, bool))
    assert feature_psi(ones, ones) == pytest.approx(0)
    assert (feature_psi(ones, number(np.full(50, 2.0))) or 0) > LARGE
    assert feature_psi(ones, empty) is None
    assert feature_psi(empty, ones) is None
