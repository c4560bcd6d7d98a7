"""Parquet: a file, or a folder of files and partitions, read column by column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import dataset

from training.data_settings import DataSettings
from training.errors import DataError
from training.ingest.files import Place
from training.ingest.roles import wanted

_REMOTE_COLUMNS = 8  # of a remote folder, read at a time: each time opens all of its files
_INDEX = "__index_level_"  # how pandas stores an index that has no name


def read_parquet(place: Place, settings: DataSettings, notes: list[str]) -> pd.DataFrame:
    """The columns but for the ignored ones; the files of a folder are read in the order of their paths.

    Raises DataError for a file that is damaged, or has other columns or types than the first one.
    """
    with place.readable_errors():
        try:
            if place.is_folder:
                return _read_folder(place, settings, notes)
            with place.open() as stream:
                # A single file, which may be a stream in memory, is a dataset of one fragment.
                fragment: Any = dataset.ParquetFileFormat().make_fragment(pa.PythonFile(stream, mode="r"))
                return _read(place.name, fragment, fragment.physical_schema, settings)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
            raise DataError(f"{place.name}: damaged, or not Parquet ({_one_line(error)})") from error


def _read_folder(place: Place, settings: DataSettings, notes: list[str]) -> pd.DataFrame:
    """All files below a folder as one table, with the partitions that their paths name."""
    partitioning = "hive" if settings.parquet.partitions else None
    files: Any = dataset.dataset(place.path, filesystem=place.filesystem, format="parquet", partitioning=partitioning)
    schemas = {fragment.path: fragment.physical_schema for fragment in files.get_fragments()}
    if not schemas:
        raise DataError(f"{place.name}: a folder without a Parquet file")
    first = next(iter(schemas.values()))
    for path, schema in schemas.items():
        odd = sorted(set(first.names) ^ set(schema.names))
        if odd:
            raise DataError(f"{path}: column '{odd[0]}' stands in some files of {place.name} and not in others")
        try:
            pa.unify_schemas([first, schema], promote_options="permissive")
        except pa.ArrowTypeError as error:
            raise DataError(f"{path}: a column has another type than in the first file ({_one_line(error)})") from error
    partitions = [files.schema.field(name) for name in files.schema.names if name not in first.names]
    unified = pa.unify_schemas([*schemas.values(), pa.schema(partitions)], promote_options="permissive")
    files = dataset.dataset(
        [*schemas],
        filesystem=place.filesystem,
        format="parquet",
        partitioning=dataset.partitioning(pa.schema(partitions), flavor="hive") if partitions else None,
        partition_base_dir=place.path,
        schema=unified.remove_metadata(),
    )
    notes.append(f"{len(schemas)} files" + "".join(f", partitioned by {field.name}" for field in partitions))
    return _read(place.name, files, files.schema, settings, 1 if place.is_local else _REMOTE_COLUMNS)


def _read(place: str, source: Any, schema: Any, settings: DataSettings, together: int = 1) -> pd.DataFrame:
    """The wanted columns of a fragment or a dataset; an index that pandas stored under a name is a column, too.

    So many are read ``together``: Arrow's copy of them is dropped before the next ones.
    """
    indexes: list[Any] = (schema.pandas_metadata or {}).get("index_columns", [])
    ranges = {index["name"]: index for index in indexes if isinstance(index, dict) and index["name"]}
    named = [index for index in indexes if isinstance(index, str) and not index.startswith(_INDEX)]
    stored = [name for name in schema.names if not name.startswith(_INDEX) and name not in named]
    columns = wanted(place, [*ranges, *named, *stored], settings)
    found: dict[str, Any] = {
        name: np.arange(index["start"], index["stop"], index["step"]) for name, index in ranges.items()
    }
    kept = [name for name in columns if name not in ranges]
    for start in range(0, len(kept), together):
        table = source.to_table(columns=kept[start : start + together])
        for name in table.column_names:
            # An integer with gaps would become a float, in which long ids are rounded.
            column = table.column(name).cast(pa.string()) if name in settings.id else table.column(name)
            found[name] = column.to_pandas()
    return pd.DataFrame({name: found[name] for name in columns}, copy=False)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
