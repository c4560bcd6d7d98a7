"""A model of two features and two rows, without a file behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.models import Model

NOWHERE = Path("nowhere")


def small(classes: list[str] | list[int] | None = None) -> Model:
    """Four rows that are labelled 0, 1, 1, 0."""
    rows = np.array([[1.5, 2.0], [3.25, 4.0], [5.0, 6.0], [7.0, 8.0]])
    named = ["no", "yes"] if classes is None else classes
    return Model("small", NOWHERE, NOWHERE, ["a", "b"], [*named], rows, np.array([0, 1, 1, 0]))
