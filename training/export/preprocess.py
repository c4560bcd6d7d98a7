"""The columns step as a graph: what the fitted ColumnTransformer does, on the artifact's two inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.columns import Column
from training.export.graph import DOUBLE, FLOAT, ML, STRING, Graph


def numbers_input(graph: Graph, columns: list[Column]) -> list[str]:
    """The number and boolean features as they come, or nothing where there are none."""
    return [graph.input("numbers", DOUBLE, len(columns))] if columns else []


def scale_numbers(graph: Graph, numbers: str, scaling: Any) -> str:
    """Fill gaps with the medians, subtract the mean and divide by the deviation, as the fitted ``scaling`` does."""
    medians = graph.constant(scaling.named_steps["impute"].statistics_)
    filled = graph.add("Where", graph.add("IsNaN", numbers), medians, numbers)
    scaler = scaling.named_steps["scale"]
    centred = graph.add("Sub", filled, graph.constant(scaler.mean_))
    return graph.add("Div", centred, graph.constant(scaler.scale_))


def encode_texts(graph: Graph, columns: list[Column]) -> list[str]:
    """Each category feature as one column per category, 1.0 where it is that one; all zeros for a gap."""
    if not columns:
        return []
    texts = graph.input("texts", STRING, len(columns))
    encoded: list[str] = []
    for position, column in enumerate(columns):
        values = graph.add("Gather", texts, graph.constant(position, np.int64), axis=1)
        one_hot = graph.add("OneHotEncoder", values, domain=ML, cats_strings=list(column.categories), zeros=1)
        encoded.append(graph.add("Cast", one_hot, to=DOUBLE))
    return encoded


def concatenate(graph: Graph, parts: list[str]) -> str:
    """The parts side by side, ``[rows, width]``."""
    return parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)


def round_to_float32(graph: Graph, values: str) -> str:
    """The nearest float32 of each value, as float64: scikit-learn's forests compare these with float64 thresholds."""
    return graph.add("Cast", graph.add("Cast", values, to=FLOAT), to=DOUBLE)
