"""Slices: the metrics of the held-out rows by the values of named columns, to see whom a model serves worse."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from app.artifact import Slice
from training.columns import Column
from training.errors import SettingsError, choices
from training.evaluate import evaluate
from training.export.runtime import Answers
from training.table import Table
from training.train_settings import SliceSettings

FEW = 10  # distinct numbers that are taken one by one
MOST = 50  # distinct texts in a column


def measure_slices(
    table: Table, held_out: np.ndarray, answers: Answers, costs: np.ndarray | None, settings: SliceSettings
) -> list[Slice]:
    """The metrics of each slice, by column and value. ``answers`` are those to the ``held_out`` rows."""
    found: list[Slice] = []
    for name in settings.columns:
        for value, chosen in _parts(table.column(name), held_out):
            shares = None if answers.probabilities is None else answers.probabilities[chosen]
            metrics = evaluate(
                Answers(answers.predictions[chosen], shares), table.target[held_out[chosen]], len(table.classes), costs
            )
            found.append(Slice(column=name, value=value, rows=len(chosen), metrics=metrics))
    return found


def check_slices(table: Table, settings: SliceSettings) -> None:
    """Refuse columns to slice by that do not exist or have too many values. Raises SettingsError."""
    known = [column.name for column in table.columns if column.name != table.timestamp]
    for name in settings.columns:
        if name not in known:
            raise SettingsError(f"slices.columns {name}: no such column; {choices(name, known)}")
        if (count := len(table.column(name).categories)) > MOST:
            raise SettingsError(f"slices.columns {name}: {count} distinct texts, more than {MOST}: group them before")


def _parts(column: Column, held_out: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Each value in words, with the positions in ``held_out`` at which it stands; gaps come last."""
    values, missing = column.values[held_out], column.missing[held_out]
    if column.type == "category":
        masks = [(text, values == text) for text in column.categories]
    elif column.type == "boolean":
        masks = [("false", values == 0.0), ("true", values == 1.0)]
    else:
        masks = _of_numbers(values, values[~missing])
    for text, mask in [*masks, ("(missing)", missing)]:
        if mask.any():
            yield text, np.flatnonzero(mask)


def _of_numbers(values: np.ndarray, present: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """A few numbers one by one, more of them in quarters of the rows."""
    distinct = np.unique(present)
    if len(distinct) <= FEW:
        return [(f"{number:.15g}", values == number) for number in distinct]
    cuts = np.unique(np.quantile(present, [0.25, 0.5, 0.75]))
    quarter = np.searchsorted(cuts, values)  # NaN stands behind all
    words = [f"at most {cuts[0]:.15g}", *(f"{a:.15g} to {b:.15g}" for a, b in pairwise(cuts.tolist()))]
    words.append(f"above {cuts[-1]:.15g}")
    return [(text, (quarter == place) & ~np.isnan(values)) for place, text in enumerate(words)]
