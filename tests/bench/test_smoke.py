"""A whole session, short: real servers, real load, and the page that comes of it."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import page
from bench.results import Results, read

pytestmark = pytest.mark.load


@pytest.fixture(scope="module")
def docs(copy_of_the_repository: Callable[[], Path]) -> Path:
    """What a smoke run wrote, in a copy of the repository."""
    clone = copy_of_the_repository()
    command = [sys.executable, "-m", "bench", "--quick", "--variant", "ACCESS_LOG_SAMPLE=1"]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return clone / "build" / "bench" / "docs"


@pytest.fixture(scope="module")
def found(docs: Path) -> Results:
    """Its figures."""
    return read(page.results_file(docs))


def test_every_server_was_measured_and_none_of_its_answers_was_an_error(found: Results) -> None:
    assert {figure.server for figure in found.figures} == {
        "this service",
        "this service (ACCESS_LOG_SAMPLE=1)",
        "the seed's design",
        "bare ASGI + ONNX Runtime, uvicorn",
        "asyncio.Protocol + ONNX Runtime",
        "bare ASGI hello, no work, uvicorn",
    }
    assert all(figure.rate > 0 and figure.errors == 0 for figure in found.figures)


def test_all_labels_of_all_rows_were_compared_with_scikit_learns_first(found: Results) -> None:
    rows = found.machine.rows
    assert rows >= 2000
    with_a_model = [name for name in found.checked if not name.startswith("bare ASGI hello")]
    assert {"this service, iris, JSON", "the seed's design, iris, JSON"} <= set(with_a_model)
    assert all(found.checked[name] >= rows for name in with_a_model)


def test_what_was_left_out_is_only_a_format_that_the_service_refuses(found: Results) -> None:
    assert [one for one in found.absent if "answered 415" not in one.reason] == []


def test_overload_and_rows_beside_batches_were_measured_of_the_service_and_the_seed(found: Results) -> None:
    measured = {"this service", "this service (ACCESS_LOG_SAMPLE=1)", "the seed's design"}
    assert {curve.server for curve in found.curves} == {one.server for one in found.mixed} == measured
    assert all(point.good > 0 for curve in found.curves for point in curve.points)
    assert all(one.failed == 0 and one.batches > 0 for one in found.mixed)


def test_start_imports_and_memory_were_measured_of_every_server(found: Results) -> None:
    assert {one.server for one in found.footprints} == {figure.server for figure in found.figures}
    for one in found.footprints:
        assert min(one.cold_starts) > 0
        assert min(one.imports) > 0, one.server
        assert 10 < one.started_mb <= one.peak_mb


def test_the_page_and_its_plots_come_from_the_results_alone(docs: Path, found: Results, tmp_path: Path) -> None:
    page.write(found, tmp_path)
    for name in ("benchmarks.md", "benchmarks/throughput.svg", "benchmarks/overload.svg"):
        assert (tmp_path / name).read_bytes() == (docs / name).read_bytes()
    for plot in docs.rglob("*.svg"):
        ET.parse(plot)
