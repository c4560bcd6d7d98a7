"""A small ensemble made by hand, and what it must sum."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from app.kernel.packed import FORMAT, NODE, Ensemble, Header

NODES = [  # tree 0: number 0, a gap to the left; tree 1: number 1, a gap to the right, then number 0; tree 2: a leaf
    (1.5, 1, 0), (np.inf, 1, 0), (np.inf, 2, 0),
    (0.0, 4, 2), (np.inf, 4, 0), (-1.0, 6, 0), (np.inf, 6, 0), (np.inf, 7, 0),
    (np.inf, 8, 0),
]  # fmt: skip
LEAF = [0, 0, 1, 0, 2, 0, 3, 1, 4]
ROWS = [[1.0, 0.0], [1.5, -3.0], [1.6, 0.1], [-1.0, np.nan], [-0.9, np.nan], [np.nan, 0.5], [np.nan, np.nan]]
SUMS = [0.1 + 0.3 + 7, 0.1 + 0.3 + 7, 0.2 + 0.2 + 7, 0.1 + 0.4 + 7, 0.1 + 0.2 + 7, 0.1 + 0.4 + 7, 0.1 + 0.4 + 7]


def small(**changes: Any) -> Ensemble:
    """A regression of three trees on two numbers; ``changes`` are to its header."""
    header = Header(
        format=FORMAT,
        link="identity",
        rounded=False,
        features=2,
        sources=[0, 1, 1],
        outputs=1,
        width=1,
        trees=3,
        nodes=len(NODES),
        leaves=5,
        probes=len(ROWS),
    )
    return Ensemble(
        header=Header(**{**{name: getattr(header, name) for name in header.__struct_fields__}, **changes}),
        nodes=np.array(NODES, dtype=NODE),
        values=np.array([[0.1], [0.2], [0.3], [0.4], [7.0]]),
        probe_rows=np.array(ROWS),
        probe_sums=np.array(SUMS)[:, None],
        roots=np.array([0, 3, 8, 9], dtype=np.uint32),
        targets=np.zeros(3, dtype=np.uint32),
        leaf=np.array(LEAF, dtype=np.uint32),
    )


def altered(array: str, place: Any, value: Any, field: str | None = None) -> Ensemble:
    """The small ensemble with one value changed."""
    ensemble = small()
    changed = getattr(ensemble, array).copy()
    (changed if field is None else changed[field])[place] = value
    return dataclasses.replace(ensemble, **{array: changed})
