"""The kernel as it is loaded: trusted only after it has summed what training summed."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.kernel import build
from app.kernel.library import Summation
from app.kernel.packed import KernelError
from tests.app.kernel.ensembles import ROWS, SUMS, altered, small


def compiled(source: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library of another source."""
    file = directory / "trees.c"
    file.write_text(source)
    monkeypatch.setattr(build, "SOURCE", file)
    library = directory / "trees.so"
    assert build.build(library)
    return library


@pytest.mark.usefixtures("tree_kernel")
def test_numbers_gaps_and_ties_take_the_way_that_the_arrays_say() -> None:
    assert Summation(small())(np.array(ROWS))[:, 0].tolist() == SUMS


@pytest.mark.usefixtures("tree_kernel")
def test_rows_of_another_width_and_order_in_memory_are_no_danger() -> None:
    total = Summation(small())
    with pytest.raises(ValueError, match="rows of 3 numbers, the trees take 2"):
        total(np.zeros((4, 3)))
    assert total(np.asfortranarray(ROWS))[:, 0].tolist() == SUMS
    assert total(np.frombuffer(np.array(ROWS).tobytes()).reshape(-1, 2))[:, 0].tolist() == SUMS  # cannot be written
    assert total(np.empty((0, 2))).shape == (0, 1)


@pytest.mark.usefixtures("tree_kernel")
def test_a_kernel_that_sums_otherwise_than_training_is_refused() -> None:
    with pytest.raises(KernelError, match=r"1 of 7 probes otherwise"):
        Summation(altered("probe_sums", 2, np.nextafter(SUMS[2], 9)))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("<= node->threshold", "< node->threshold"),
        ("column[i] <= threshold", "column[i] < threshold"),
        ("-__builtin_inf()", "__builtin_inf()"),
        ("sums[value] += values[value]", "sums[value] += 0.5 * values[value]"),
    ],
)
def test_a_miscompiled_kernel_is_refused(
    right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = build.SOURCE.read_text()
    assert right in source
    library = compiled(source.replace(right, wrong), tmp_path, monkeypatch)
    rows, sums = np.tile(ROWS, (3, 1)), np.tile(SUMS, 3)[:, None]  # as many as are summed together
    many = dataclasses.replace(small(probes=21), probe_rows=rows, probe_sums=sums)
    with pytest.raises(KernelError, match="probes otherwise"):
        Summation(many, library)


def test_what_is_missing_broken_or_of_another_version_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KernelError, match=r"none\.so is not there; compile it with"):
        Summation(small(), tmp_path / "none.so")
    (tmp_path / "text.so").write_text("no library")
    with pytest.raises(KernelError, match="cannot be loaded"):
        Summation(small(), tmp_path / "text.so")
    other = compiled(build.SOURCE.read_text().replace("ABI = 1,", "ABI = 2,"), tmp_path, monkeypatch)
    with pytest.raises(KernelError, match=r"of another version \(2, not 1\)"):
        Summation(small(), other)


def run_build(directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python -m app.kernel.build`` of a copy, by an interpreter that has no packages."""
    package = directory / "app" / "kernel"
    if not package.exists():
        shutil.copytree(build.SOURCE.parent, package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    command = [sys.executable, "-S", "-m", "app.kernel.build"]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True)


def test_a_machine_without_a_compiler_is_told_in_one_line_what_it_means(tmp_path: Path) -> None:
    done = run_build(tmp_path, PATH="/nowhere")
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("no tree kernel: no C compiler here")
    assert "ONNX Runtime will predict" in line


def test_a_compiler_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run_build(tmp_path, CC=f"{sys.executable} -c raise(SystemExit('out-of-order'))")
    assert done.returncode == 1
    assert "out-of-order" in done.stderr
    assert not [*(tmp_path / "app" / "kernel").glob("trees.*o*"), *(tmp_path / "app" / "kernel").glob("trees.[0-9]*")]


def test_the_kernel_is_compiled_once_until_its_source_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = compiled(build.SOURCE.read_text(), tmp_path, monkeypatch)
    assert build.build(library) is None
    newer = library.stat().st_mtime + 1  # the file system's clock may tick too slowly for two writes to differ
    os.utime(tmp_path / "trees.c", (newer, newer))
    assert build.build(library)
