"""``trees.bin``: a tree ensemble as arrays that the kernel walks where they lie, one file of an artifact.

The file holds no code. It is ``MAGIC``, the length of the header as a 32-bit number, the header as JSON, zeros up to a
multiple of 64 bytes, and the arrays of `Ensemble` in the order of its fields, everything little-endian.

A row has ``features`` numbers: the graph's ``numbers`` (see `app.artifact`), then one for each category of each of its
``texts``, 1 where it is that one and else 0. The kernel lays it out in columns: column c holds number ``sources[c]``,
rounded to float32 where ``rounded``; the first ``features`` columns are the numbers in their order with missing ones
made -infinity, so that they go left, and in the others, of features that had gaps, they stay NaN and go right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

TREES = "trees.bin"
FORMAT = 1
MAGIC = b"MLPTREES"
NODE = np.dtype([("threshold", "<f8"), ("left", "<u4"), ("column", "<u4")])
MOST = 2**31  # nodes, leaves and columns
_ALIGNMENT = 64

Link = Literal["shares", "mean", "logistic", "softmax", "identity", "exp"]


class KernelError(Exception):
    """Why the kernel cannot predict with an artifact; ONNX Runtime can."""


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The ensemble's facts and the arrays' lengths.

    ``link`` makes answers of a row's ``outputs`` sums: class probabilities as their share of the trees (``shares``), by
    the logistic function of one, or by softmax; or a quantity as the mean of the trees, the sum itself or its ``exp``.
    ``scaling`` calibrates a classifier's scores, ``costs`` choose its answer: see `app.kernel.decision`.
    """

    format: int
    link: Link
    rounded: bool
    features: int
    sources: list[int]
    outputs: int
    width: int
    trees: int
    nodes: int
    leaves: int
    probes: int
    scaling: list[tuple[float, float]] = []
    costs: list[list[float]] = []


@dataclass(frozen=True)
class Ensemble:
    """A header and its arrays.

    A tree is ``nodes[roots[t]:roots[t + 1]]``, its root first. A row at an inner node goes to ``left`` where the value
    in ``column`` is at most ``threshold``, else to the node behind; both stand after their parent. A leaf's ``left`` is
    the leaf itself and its threshold infinity. It adds the row ``leaf[node]`` of ``values`` to the sums from
    ``targets[tree]`` on. Trees add in their order. ``probe_sums`` are the exact sums of ``probe_rows``.
    """

    header: Header
    nodes: NDArray[Any]  # NODE [nodes]
    values: NDArray[np.float64]  # [leaves, width]
    probe_rows: NDArray[np.float64]  # [probes, features]
    probe_sums: NDArray[np.float64]  # [probes, outputs]
    roots: NDArray[np.uint32]  # [trees + 1]
    targets: NDArray[np.uint32]  # [trees]
    leaf: NDArray[np.uint32]  # [nodes]


def encode(ensemble: Ensemble) -> bytes:
    """The file of ``ensemble``: equal ensembles give equal bytes."""
    header = msgspec.json.encode(ensemble.header)
    parts = [MAGIC, len(header).to_bytes(4, "little"), header]
    parts.append(bytes(-sum(map(len, parts)) % _ALIGNMENT))
    for name, (dtype, shape) in _layout(ensemble.header).items():
        array = np.ascontiguousarray(getattr(ensemble, name), dtype=dtype)
        if array.shape != shape:
            raise ValueError(f"{name} is {array.shape}, the header says {shape}")
        parts.append(array.tobytes())
    return b"".join(parts)


def decode(content: bytes) -> Ensemble:
    """The ensemble in ``content``, whose arrays are views of it.

    Raises KernelError unless every walk stays within the arrays and comes to an end: the kernel trusts them.
    """
    start = len(MAGIC) + 4
    if content[: len(MAGIC)] != MAGIC:
        raise KernelError(f"{TREES} is of another kind")
    end = start + int.from_bytes(content[len(MAGIC) : start], "little")
    try:
        header = msgspec.json.decode(content[start:end], type=Header)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KernelError(f"{TREES} has no header ({error})") from error
    if header.format != FORMAT:
        raise KernelError(f"{TREES} has the format {header.format}, this server reads {FORMAT}; train again")
    offset = end + -end % _ALIGNMENT
    arrays: dict[str, Any] = {}
    for name, (dtype, shape) in _layout(header).items():
        count = int(np.prod(shape))
        if min(shape) < 0 or offset + count * dtype.itemsize > len(content):
            raise KernelError(f"{TREES} ends before its {name}")
        arrays[name] = np.frombuffer(content, dtype, count, offset).reshape(shape)
        offset += count * dtype.itemsize
    ensemble = Ensemble(header, **arrays)
    if fault := _fault(ensemble):
        raise KernelError(f"{TREES}: {fault}")
    return ensemble


def _layout(header: Header) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """The arrays in their order: the wide ones first, so that each is aligned."""
    real, index = np.dtype("<f8"), np.dtype("<u4")
    return {
        "nodes": (NODE, (header.nodes,)),
        "values": (real, (header.leaves, header.width)),
        "probe_rows": (real, (header.probes, header.features)),
        "probe_sums": (real, (header.probes, header.outputs)),
        "roots": (index, (header.trees + 1,)),
        "targets": (index, (header.trees,)),
        "leaf": (index, (header.nodes,)),
    }


def _fault(ensemble: Ensemble) -> str | None:
    """What would lead a walk astray, or None."""
    header, roots = ensemble.header, ensemble.roots.astype(np.int64)
    if not 0 < header.nodes < MOST or header.trees < 1 or header.features < 1 or header.probes < 1:
        return "it is empty or too large"
    if roots[0] != 0 or roots[-1] != header.nodes or (np.diff(roots) < 1).any():
        return "its trees do not cover its nodes"
    if header.sources[: header.features] != list(range(header.features)) or not all(
        0 <= source < header.features for source in header.sources
    ):
        return "its columns are not its features"
    if (ensemble.nodes["column"] >= len(header.sources)).any():
        return "a split is on a column that it has not"
    own = np.arange(header.nodes)
    left = ensemble.nodes["left"].astype(np.int64)
    leaves = left == own
    end = np.repeat(roots[1:], np.diff(roots))
    if (~leaves & ((left <= own) | (left + 1 >= end))).any():
        return "a child does not stand behind its parent"
    if (leaves & ((ensemble.nodes["column"] >= header.features) | (ensemble.nodes["threshold"] != np.inf))).any():
        return "a leaf does not lead to itself"
    if (ensemble.leaf >= header.leaves).any() or (
        ensemble.targets.astype(np.int64) + header.width > header.outputs
    ).any():
        return "a leaf has values that do not exist"
    return None
