"""From ``data.source`` to a DataFrame: the reader is chosen by kind of source and suffix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from training.data_settings import DataSettings
from training.errors import DataError
from training.ingest import snapshot
from training.ingest.delimited import read_delimited
from training.ingest.files import Place, locate
from training.ingest.parquet import read_parquet
from training.ingest.roles import wanted
from training.ingest.source import DELIMITED, PARQUET, Source, parse_source, shown, source_name

IRIS_COLUMNS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]  # all in cm


@dataclass(frozen=True)
class Ingested:
    """A table as it was read: one row per entry, and the ``notes`` to say aloud; ``name`` goes into the manifest.

    ``frame`` lacks the ignored columns. Row n of an error message is the n-th row of data. What is ``worth_keeping``
    may be another tomorrow, which iris and snapshots may not.
    """

    frame: pd.DataFrame
    name: str
    notes: list[str] = field(default_factory=list[str])
    worth_keeping: bool = True


def read(settings: DataSettings, models: Path) -> Ingested:
    """The table at ``settings.source``; snapshots are looked for in ``models``, the directory of the model's name.

    Raises DataError where there is no table, no row, or something that could only be read by guessing.
    """
    source = parse_source(settings.source)
    if source.kind == "snapshot":
        return Ingested(*snapshot.load(models, source.location), worth_keeping=False)
    place = shown(settings.source)
    notes: list[str] = []
    if source.kind == "iris":
        frame = _iris()
        frame = frame[wanted(place, list(frame.columns), settings)]
    elif source.kind == "sql":
        from training.ingest.sql import read_query  # SQLAlchemy is an extra, and takes a second to import

        frame = read_query(source.location, settings, notes)
    else:
        frame = _reader(source, place)(locate(source, settings.remote), settings, notes)
    if frame.empty:
        raise DataError(f"{place}: no rows" + (" below the header" if source.suffix in DELIMITED else ""))
    return Ingested(frame, source_name(settings.source), notes, worth_keeping=source.kind != "iris")


def _reader(source: Source, place: str) -> Callable[[Place, DataSettings, list[str]], pd.DataFrame]:
    """The reader for the file's suffix; a folder, which has none, holds Parquet."""
    if source.suffix in DELIMITED:
        return read_delimited
    if source.suffix in PARQUET or (not source.suffix and source.kind != "web") or Path(source.location).is_dir():
        return read_parquet
    raise DataError(f"{place}: neither 'iris' nor a .csv, .tsv or .parquet file, a folder of them or a database's URL")


def _iris() -> pd.DataFrame:
    """Fisher's iris measurements: four lengths in cm and the species as text."""
    from sklearn.datasets import load_iris

    bunch: Any = load_iris()
    table = pd.DataFrame(bunch.data, columns=IRIS_COLUMNS)
    table["species"] = bunch.target_names[bunch.target]
    return table
