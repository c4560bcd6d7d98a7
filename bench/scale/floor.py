"""``python -m bench.scale.floor FILE``: what scikit-learn's boosting alone adds to the numbers it is given, in bytes.

The least that one can do by hand: a float32 array, and ``fit`` with the same settings. Few iterations are enough, as
all is allocated before the first.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from pyarrow import parquet
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from bench.scale.memory import now, peak, reset
from bench.scale.rows import TARGET

_ITERATIONS = 3


def main(file: str) -> None:
    """Print the bytes of the array, and those that the process had at its peak beyond what it had without the array."""
    table = parquet.ParquetFile(file)
    names = [name for name in table.schema_arrow.names if name.startswith("x")]
    before = now("self")
    numbers = np.empty((table.metadata.num_rows, len(names)), dtype=np.float32)
    for index, name in enumerate(names):
        numbers[:, index] = table.read(columns=[name]).column(0).to_numpy()
    target = table.read(columns=[TARGET]).column(0).to_numpy()
    reset("self")
    with threadpool_limits(limits=1):
        HistGradientBoostingClassifier(max_iter=_ITERATIONS, random_state=0).fit(numbers, target)
    print(json.dumps({"peak": peak("self") - before}))


if __name__ == "__main__":
    main(sys.argv[1])
