"""The stage of a training that checks its data, writes the expectations down and documents the outcome."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.columns import Column
from training.data_settings import IRIS
from training.errors import DataError, SettingsError
from training.ingest import snapshot
from training.progress import Progress
from training.settings import Settings
from training.table import Table
from training.validate import repeats
from training.validate import suite as suites

DOCS = "validation.html"
_SHOWN = 5
_INSTALL = "install it with `make train`, or pip install 'mlplatform[data]'"


def validate(
    table: Table, test_rows: np.ndarray, settings: Settings, name: str, artifacts: Path, progress: Progress
) -> None:
    """Check the table against the expectations of the model ``name``, which are made if there are none yet.

    Raises DataError naming what does not hold (rule, column, count, rows), and SettingsError where expectations are
    kept that cannot be checked: a missing library never lets data through that people have set rules for.
    """
    file = Path(settings.validation.directory) / f"{name}.json"
    kept = suites.load(file)
    mode = settings.validation.mode
    if mode == "never":
        progress.warn("not validated, as validation.mode says")
        return
    if mode == "auto" and kept is None and settings.data.source == IRIS:
        progress.say("iris ships with scikit-learn: nothing to expect of it")
        return
    if importlib.util.find_spec("great_expectations") is None:
        if kept is not None or mode == "always":
            raise SettingsError(f"{file}: Great Expectations, which checks them, is missing; {_INSTALL}")
        progress.warn(f"not validated: Great Expectations is not installed; {_INSTALL}")
        return
    from training.validate.docs import render  # takes seconds, which --help and iris do without
    from training.validate.run import run

    frame, repeated, taught = checked(table, test_rows)
    made = suites.make(table, repeated, taught, settings.validation)
    result, failures = run(frame, kept or made, file)
    page = snapshot.directory(artifacts / name, table.fingerprint) / DOCS
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(render(result, f"{name} · expectations"))
    total = len((kept or made)["expectations"])
    if failures:
        told = "; ".join(map(str, failures[:_SHOWN])) + ("; …" if len(failures) > _SHOWN else "")
        remedy = (
            f"correct the data, or change {file}"
            if kept
            else "correct the data, leave the column out, or set [validation]"
        )
        raise DataError(f"{len(failures)} of {total} expectations do not hold: {told}; {remedy}; more: {page}")
    progress.say(f"{total} expectations hold; more: {page}")
    _keep(file, kept, made, name, progress)


def _keep(file: Path, kept: dict[str, Any] | None, made: dict[str, Any], name: str, progress: Progress) -> None:
    """Write what the accepted data let expect of the next, unless a person has changed what was written before."""
    if kept is not None and suites.is_edited(kept):
        progress.say(f"{file} was edited and stays as it is")
        return
    try:
        if suites.write(file, made, name):
            progress.say(f"{'renewed' if kept else 'wrote'} {file}: read it, change it, commit it")
    except OSError as error:
        progress.warn(f"{file} could not be written ({error.strerror}): the next data will not be compared with these")


def checked(table: Table, test_rows: np.ndarray) -> tuple[pd.DataFrame, float, float]:
    """The table as it is checked, and the shares of rows that repeat another and of held-out rows that are taught."""
    held_out = np.zeros(table.rows, dtype=bool)
    held_out[test_rows] = True
    taught = repeats.taught(table.frame(), held_out)
    flags = np.full(len(table.kept), None, dtype=object)
    flags[np.flatnonzero(table.kept)[held_out]] = taught.tolist()
    columns = {column.name: _series(column, table) for column in table.columns}
    frame = pd.DataFrame({**columns, suites.TAUGHT: pd.Series(flags, dtype=object, copy=False)}, copy=False)
    frame.index = pd.RangeIndex(1, len(frame) + 1)  # by which rows are named
    repeated = repeats.repeated(frame[[*(column.name for column in table.features), table.target_name]])
    return frame, float(repeated.mean()), float(taught.mean())


def _series(column: Column, table: Table) -> pd.Series:
    """The values as people know them: gaps are None in texts and booleans, and a moment is one; numbers are a view."""
    if column.name == table.timestamp:
        return pd.to_datetime(pd.Series(column.values), unit="s")
    if column.type == "number":
        return pd.Series(column.values, copy=False)
    values = pd.Series(column.values if column.type == "category" else column.values == 1.0, dtype=object)
    return values.where(~column.missing, None)
