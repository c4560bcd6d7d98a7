"""Which rows of a table occur twice: found by a hash of each row, then compared value by value.

pandas would number every column's distinct values first, which takes twice the table's memory.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no bit of the hashes before is lost


def repeated(frame: pd.DataFrame) -> np.ndarray:
    """A mask of the rows of ``frame`` that equal another; gaps are equal."""
    found = _doubtful(frame)
    found[found] = frame[found].duplicated(keep=False)
    return found


def taught(frame: pd.DataFrame, held_out: np.ndarray) -> np.ndarray:
    """For each row that is ``held_out`` (a mask), whether it equals one that is not."""
    found = _doubtful(frame)
    few = frame[found]
    codes = few.groupby(list(few.columns), dropna=False, sort=False).ngroup().to_numpy()
    found[found] = np.isin(codes, codes[~held_out[found]])
    return found[held_out]


def _doubtful(frame: pd.DataFrame) -> np.ndarray:
    """A mask of the rows that share their hash with another: all that are equal, and hardly more."""
    hashes = np.zeros(len(frame), dtype=np.uint64)
    for _, series in frame.items():
        hashes *= _FACTOR
        hashes += _hash(series)
    return pd.Series(hashes).duplicated(keep=False).to_numpy(copy=True)


def _hash(series: pd.Series) -> np.ndarray:
    """64 bits for each value: equal values have equal ones, so 0 and -0 and all kinds of NaN."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind == "f":
        series = (series + 0.0).where(series.notna(), np.nan)
    return pd.util.hash_pandas_object(series, index=False).to_numpy()
