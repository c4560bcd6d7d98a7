"""How the training rows are distributed: what serving compares live traffic with."""

from __future__ import annotations

import numpy as np
from msgspec import UNSET, UnsetType

from app.artifact import Distribution, Feature
from training.columns import Column

DECILES = np.arange(1, 10) / 10


def describe_feature(column: Column, rows: np.ndarray, limits: tuple[float, float] | UnsetType = UNSET) -> Feature:
    """The manifest's entry for ``column``: gaps over the whole table, range and distribution over the training rows."""
    values = column.exact(rows)
    missing = values == "" if column.type == "category" else np.isnan(values)
    present = values[~missing]
    gaps = int(missing.sum())
    minimum = maximum = None
    if column.type == "number":
        distribution = number_distribution(present, gaps)
        if len(present):
            minimum, maximum = float(present.min()), float(present.max())
    elif column.type == "boolean":
        distribution = count_distribution(present.astype(np.int64), 2, gaps)
    else:
        distribution = count_distribution(np.searchsorted(column.categories, present), len(column.categories), gaps)
    return Feature(
        name=column.name,
        type=column.type,
        nullable=bool(column.missing.any()),
        distribution=distribution,
        categories=list(column.categories),
        minimum=minimum,
        maximum=maximum,
        limits=limits,
    )


def number_distribution(values: np.ndarray, missing: int = 0) -> Distribution:
    """Counts between the inner deciles; equal deciles are one, and none lies at the maximum, so no bin is empty."""
    if not len(values):
        return Distribution(edges=[], counts=[0], missing=missing)
    edges = np.unique(np.quantile(values, DECILES, method="inverted_cdf"))
    edges = edges[edges < values.max()]
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return Distribution(edges=edges.tolist(), counts=counts.tolist(), missing=missing)


def count_distribution(positions: np.ndarray, bins: int, missing: int = 0) -> Distribution:
    """How often each of ``bins`` categories occurred; ``positions`` are their indices."""
    return Distribution(edges=[], counts=np.bincount(positions, minlength=bins).tolist(), missing=missing)
