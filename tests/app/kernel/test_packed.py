"""The format of packed trees: what was written is read, and what would lead a walk astray is refused."""

from __future__ import annotations

import pytest

from app.kernel.packed import MAGIC, Ensemble, KernelError, decode, encode
from tests.app.kernel.ensembles import altered, small

FAULTS: dict[str, tuple[Ensemble, str]] = {
    "a child before its parent": (altered("nodes", 3, 2, "left"), "does not stand behind its parent"),
    "a child in the next tree": (altered("nodes", 5, 7, "left"), "does not stand behind its parent"),
    "a child beyond the end": (altered("nodes", 5, 2**32 - 1, "left"), "does not stand behind its parent"),
    "a column that is not there": (altered("nodes", 0, 3, "column"), "a column that it has not"),
    "a leaf that a gap would leave": (altered("nodes", 4, 2, "column"), "a leaf does not lead to itself"),
    "a leaf that a large number would leave": (
        altered("nodes", 4, 1e300, "threshold"),
        "a leaf does not lead to itself",
    ),
    "a leaf without values": (altered("leaf", 8, 5), "values that do not exist"),
    "a target beyond the outputs": (altered("targets", 2, 1), "values that do not exist"),
    "trees that overlap": (altered("roots", 1, 8), "do not cover its nodes"),
    "trees that end early": (altered("roots", 3, 8), "do not cover its nodes"),
    "columns of another order": (small(sources=[1, 0, 1]), "its columns are not its features"),
    "a column of no feature": (small(sources=[0, 1, 2]), "its columns are not its features"),
}


def test_what_is_written_is_read_and_written_again_alike() -> None:
    content = encode(small())
    again = decode(content)
    assert encode(again) == content
    assert again.header == small().header
    assert all(array.ctypes.data % 8 == 0 for array in (again.nodes, again.values, again.probe_sums))


@pytest.mark.parametrize("fault", FAULTS)
def test_arrays_that_a_walk_could_leave_are_refused(fault: str) -> None:
    ensemble, reason = FAULTS[fault]
    with pytest.raises(KernelError, match=reason):
        decode(encode(ensemble))


@pytest.mark.parametrize("kept", [0, 7, 8, 11, 12, 40, 256, 300, -1])
def test_a_file_that_ends_early_is_refused(kept: int) -> None:
    with pytest.raises(KernelError):
        decode(encode(small())[:kept])


@pytest.mark.parametrize(
    ("found", "instead", "reason"),
    [
        (MAGIC, b"PK\3\4\0\0\0\0", "of another kind"),
        (b'"format":1', b'"format":2', "format 2, this server reads 1"),
        (b'"rounded"', b'"around_"', "has no header"),
        (b"identity", b"unknown_", "has no header"),
        (b'"leaves":5', b'"leaves":-', "has no header"),
        (b'"probes":7', b'"probes":0', "empty or too large"),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(found: bytes, instead: bytes, reason: str) -> None:
    content = encode(small())
    assert found in content
    with pytest.raises(KernelError, match=reason):
        decode(content.replace(found, instead))


def test_lengths_that_contradict_the_header_are_not_written() -> None:
    with pytest.raises(ValueError, match="values is"):
        encode(small(leaves=4))
