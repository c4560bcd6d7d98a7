"""The measurement of large trainings: what is read off a process, and the page that is made of it."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from pyarrow import parquet

from bench import machine
from bench.scale import page, rows, training
from bench.scale.page import Found, Size
from bench.scale.training import Run, Stage, TrainingFailed

MB = 1_000_000


def made(count: int, peaks: list[int], validated: bool = True) -> Run:
    names = ("ingest", "train")
    return Run(count, validated, 20, 18, [Stage(name, 2, peak * MB) for name, peak in zip(names, peaks, strict=True)])


@pytest.fixture
def found() -> Found:
    own = made(1000, [300, 400])
    sizes = [
        Size(1_000_000, 120 * MB, 600 * MB, made(1_000_000, [500, 880]), made(1_000_000, [500, 640], False)),
        Size(10_000_000, 1200 * MB, 5000 * MB, made(10_000_000, [1500, 5200]), None),
    ]
    described = msgspec.structs.replace(machine.describe("make scale", 1, 0, 10_000_000), seconds=600)
    return Found(described, own, own, sizes)


def test_memory_is_what_a_stage_takes_beyond_the_same_stage_without_data(found: Found) -> None:
    assert found.sizes[0].validated.beyond(found.own) == [200 * MB, 480 * MB]


def test_the_page_gives_memory_over_the_size_of_the_data(found: Found) -> None:
    text = page.render(found)
    assert "| 1,000,000 | 120 MB | 880 MB | 480 MB | 4.0 | 2.0 | 5.0 | 20 s | 18 s |" in text
    assert "| 10,000,000 | 1,200 MB | 5,200 MB | 4,800 MB | 4.0 | – | 4.2 | 20 s | 18 s |" in text
    assert "| train | 2.0 s, 4.0 × | 2.0 s, 4.0 × |" in text


def test_what_was_written_can_be_rendered_again(found: Found, tmp_path: Path) -> None:
    page.write(found, tmp_path)
    assert page.read(tmp_path) == found
    assert (tmp_path / "scale" / "curve.svg").read_text().startswith("<?xml")


def test_a_table_is_the_same_each_time_and_as_large_as_said(tmp_path: Path) -> None:
    for name in ("one", "two"):
        rows.write(2000, tmp_path / name)
    one, two = (parquet.read_table(tmp_path / name) for name in ("one", "two"))
    assert one.equals(two)
    assert one.num_columns == rows.COLUMNS
    assert rows.size(one.num_rows) == one.num_rows * one.num_columns * 4
    assert 0.3 < np.mean(one.column(rows.TARGET).to_pylist()) < 0.8


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_training_that_fails_is_told_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailed, match="no such file"):
        training.run(1, tmp_path / "none.parquet", tmp_path, validated=False)
