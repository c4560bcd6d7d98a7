"""The compiled kernel: found, loaded, and given an ensemble to sum.

``trees.c`` and the structures below belong together; `_ABI` is their number.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.kernel import LIBRARY
from app.kernel.packed import Ensemble, KernelError

_ABI = 1
_CHUNK = 32
_BLOCK = 1024
_MOST_SMALL = 127  # nodes of a tree that has masks


class _Ensemble(ctypes.Structure):
    """``Ensemble`` of trees.c."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("nodes", "leaf", "values", "roots", "targets", "sources")),
        *((name, ctypes.c_uint64) for name in ("trees", "columns", "features", "width", "outputs", "rounded")),
        *((name, ctypes.c_void_p) for name in ("splits", "starts", "ordered")),
    ]


class Summation:
    """An ensemble's sums by the kernel. Thread-safe; the interpreter runs on meanwhile."""

    def __init__(self, ensemble: Ensemble, library: Path | None = None) -> None:
        """Prepare and repeat the probes; raises KernelError where there is no kernel, or one that sums otherwise."""
        kernel = _load(library or LIBRARY)
        header = ensemble.header
        sizes = np.diff(ensemble.roots)
        splits = int((sizes[sizes <= _MOST_SMALL] // 2).sum())
        arrays: dict[str, NDArray[Any]] = {
            "nodes": ensemble.nodes,
            "leaf": ensemble.leaf,
            "values": ensemble.values,
            "roots": ensemble.roots,
            "targets": ensemble.targets,
            "sources": np.array(header.sources, dtype=np.uint32),
            "splits": np.empty((splits + 1, 3), dtype=np.int64),
            "starts": np.empty(header.trees + 1, dtype=np.uint32),
            "ordered": np.empty(splits + header.trees, dtype=np.uint32),
        }
        self._arrays = arrays  # kept alive: the structure holds addresses
        self._structure = _Ensemble(
            **{name: array.ctypes.data for name, array in arrays.items()},
            trees=header.trees,
            columns=len(header.sources),
            features=header.features,
            width=header.width,
            outputs=header.outputs,
            rounded=header.rounded,
        )
        self._address = ctypes.addressof(self._structure)
        self._sum: Any = kernel.trees_sum
        self._features, self._outputs, self._columns = header.features, header.outputs, len(header.sources)
        kernel.trees_prepare(self._address)
        self._repeat(ensemble)

    def __call__(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sums ``[rows, outputs]`` of ``rows`` ``[rows, features]``."""
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        if not rows.flags.writeable:  # as `_address` wants it; nothing is written
            rows = rows.copy()
        count, features = rows.shape
        if features != self._features:
            raise ValueError(f"rows of {features} numbers, the trees take {self._features}")
        sums = np.empty((count, self._outputs))
        scratch = np.empty(self._columns * min(_BLOCK, count + -count % _CHUNK))
        if count:
            self._sum(self._address, _address(rows), count, _address(sums), _address(scratch))
        return sums

    def _repeat(self, ensemble: Ensemble) -> None:
        """Raise KernelError unless the probes give their sums to the last bit, together and one by one."""
        together = self(ensemble.probe_rows)
        alone = np.concatenate([self(ensemble.probe_rows[row : row + 1]) for row in range(ensemble.header.probes)])
        for sums in (together, alone):
            wrong = np.flatnonzero((sums != ensemble.probe_sums).any(axis=1))
            if len(wrong):
                raise KernelError(f"the kernel sums {len(wrong)} of {len(sums)} probes otherwise than in training")


def _address(array: Any) -> int:
    """Where the elements of ``array`` lie, in a third of the time that ``array.ctypes.data`` takes."""
    return ctypes.addressof(ctypes.c_char.from_buffer(array))


@cache
def _load(library: Path) -> ctypes.CDLL:
    """The library, its functions declared; raises KernelError where it cannot be used."""
    if sys.byteorder != "little":
        raise KernelError("this machine is not little-endian")
    if not library.exists():
        raise KernelError(f"{library} is not there; compile it with `python -m app.kernel.build`")
    try:
        kernel = ctypes.CDLL(str(library))
        found = kernel.trees_abi()
    except (OSError, AttributeError) as error:
        raise KernelError(f"{library} cannot be loaded ({error})") from error
    if found != _ABI:
        raise KernelError(f"{library} is of another version ({found}, not {_ABI}); compile it again")
    kernel.trees_prepare.argtypes = [ctypes.c_void_p]
    kernel.trees_prepare.restype = None
    kernel.trees_sum.argtypes = [ctypes.c_void_p] * 2 + [ctypes.c_uint64] + [ctypes.c_void_p] * 2
    kernel.trees_sum.restype = None
    return kernel
