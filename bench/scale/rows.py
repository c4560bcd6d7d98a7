"""The tables that are learnt from: two classes, 28 numbers of float32 (two with gaps), a text; the same for a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

COLUMNS = 30
TARGET = "target"
_NUMBERS, _WITH_GAPS, _REGIONS = 28, 2, 8
_CHUNK = 1_000_000  # rows made at a time, and a row group of the file
_SCHEMA = pa.schema(
    [*((f"x{index}", pa.float32()) for index in range(_NUMBERS)), ("region", pa.string()), (TARGET, pa.bool_())]
)


def size(rows: int) -> int:
    """What so many rows take as a table of float32 numbers (bytes): the unit of every ratio."""
    return rows * COLUMNS * np.dtype(np.float32).itemsize


def write(rows: int, file: Path) -> None:
    """Write a table of so many rows as Parquet."""
    generator = np.random.default_rng(0)
    with parquet.ParquetWriter(file, _SCHEMA) as writer:
        for start in range(0, rows, _CHUNK):
            writer.write_table(_chunk(min(_CHUNK, rows - start), generator))


def _chunk(rows: int, generator: np.random.Generator) -> Any:
    """Arrow's table: numbers of which ten matter, two of them only together; a text of which one value does; noise."""
    numbers = generator.standard_normal((_NUMBERS, rows), dtype=np.float32)
    region = generator.integers(0, _REGIONS, rows)
    noise = generator.standard_normal(rows, dtype=np.float32)
    score = numbers[:8].sum(axis=0) + numbers[8] * numbers[9] + 2 * (region == 3) + noise
    gaps = generator.random(rows) < 0.05
    columns = [pa.array(column) for column in numbers[:-_WITH_GAPS]]
    columns += [pa.array(column, mask=gaps) for column in numbers[-_WITH_GAPS:]]
    texts = pa.array([f"region-{index}" for index in range(_REGIONS)]).take(pa.array(region))
    return pa.table([*columns, texts, pa.array(score > 0)], schema=_SCHEMA)
