"""How far the rows of one training are from those of another, by the distributions in the two manifests."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from app.artifact import Distribution, Feature

NOTABLE, LARGE = 0.1, 0.25
"""From here on a change is commonly called notable, and large (N. Siddiqi, *Credit Risk Scorecards*, Wiley 2006)."""
_LEAST = 0.5
"""Rows that an empty bin is taken to have, since the logarithm of nothing does not exist."""


def psi(before: Sequence[float], after: Sequence[float]) -> float:
    """The population stability index of the rows ``after`` in each bin against those ``before``.

    PSI = Σ (a - b) · ln(a / b), a and b the shares of a bin (B. Yurdakul, *Statistical Properties of Population
    Stability Index*, Western Michigan University 2018, eq. 1.1).
    """
    before, after = ([max(count, _LEAST) for count in counts] for counts in (before, after))
    shares = zip([count / sum(before) for count in before], [count / sum(after) for count in after], strict=True)
    return sum((a - b) * math.log(a / b) for b, a in shares)


def feature_psi(before: Feature, after: Feature) -> float | None:
    """The index of a feature that both trainings have with one type; None where either has no rows.

    Gaps are a bin. Categories are matched by name. Each training bins a number at its own deciles, so the newer rows
    are spread over the older bins as if they lay evenly within their own: an estimate, exact where the edges agree.
    """
    if not sum(before.distribution.counts) or not sum(after.distribution.counts):
        return None
    if before.type == "category":
        counts = _named(before), _named(after)
        names = sorted({*counts[0], *counts[1]})
        old, new = ([float(each.get(name, 0)) for name in names] for each in counts)
    elif before.type == "boolean":
        old, new = ([float(count) for count in each.distribution.counts] for each in (before, after))
    elif not before.distribution.edges:  # one value alone: the bins are that value and every other one
        rows, at = sum(after.distribution.counts), _rows_at(after, before.maximum)
        old, new = [float(sum(before.distribution.counts)), 0.0], [at, rows - at]
    else:
        old = [float(count) for count in before.distribution.counts]
        new = _rebinned(after, before.distribution.edges)
    return psi([*old, before.distribution.missing], [*new, after.distribution.missing])


def _named(feature: Feature) -> Mapping[str, int]:
    return dict(zip(feature.categories, feature.distribution.counts, strict=True))


def _rebinned(feature: Feature, edges: Sequence[float]) -> list[float]:
    """The rows of a number's ``feature`` in the bins between other ``edges``."""
    total = float(sum(feature.distribution.counts))
    below = [0.0, *(_rows_up_to(feature, edge) for edge in edges), total]
    return [upper - lower for lower, upper in itertools.pairwise(below)]


def _rows_at(feature: Feature, value: float | None) -> float:
    """The rows of the bin that ends at ``value``, where one does."""
    ends = [*feature.distribution.edges, feature.maximum]
    return float(feature.distribution.counts[ends.index(value)]) if value in ends else 0.0


def _rows_up_to(feature: Feature, value: float) -> float:
    """How many rows are at most ``value``, straight lines between the edges, the minimum and the maximum."""
    distribution: Distribution = feature.distribution
    low, high = feature.minimum, feature.maximum
    if low is None or high is None or value < low:
        return 0.0
    rows, left = 0.0, low
    for right, count in zip([*distribution.edges, high], distribution.counts, strict=True):
        if value < right:
            return rows + count * (value - left) / (right - left)
        rows, left = rows + count, right
    return rows
