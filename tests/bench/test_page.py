"""What the page says of given figures."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench import compare, page, plots
from bench.results import read
from bench.servers import SERVICE
from bench.tables import number
from tests.bench.figures import figure, point, session


def row(text: str, first: str) -> list[str]:
    """The first line of a table whose first cell is ``first``."""
    lines = [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return next(cells for cells in lines if cells[0] == first)


def test_figures_are_ratios_of_medians_to_the_seed_with_their_spread_and_errors() -> None:
    text = page.render(session())
    assert row(text, "this service: JSON") == ["this service: JSON", "50 ± 15 %", "0.50 ± 0 %", "0"]
    assert row(text, "the seed's design: JSON")[1:] == ["1.0 ± 0 % (100/s)", "1.0 ± 0 % (10/s)", "0"]


def test_what_was_not_measured_is_shown_as_missing_and_listed_with_its_reason() -> None:
    text = page.render(session())
    assert row(text, "A peer, ONNX Runtime: JSON") == ["A peer, ONNX Runtime: JSON", "5.0 ± 0 %", "–", "0"]
    assert "| Another peer | it has no \\| wheel for this |" in text


def test_aims_are_held_against_the_bare_limit_and_the_best_tuned_peer() -> None:
    reached = {aim.what: (aim.reached, aim.verdict) for aim in compare.aims(session())}
    assert reached["one row: of bare ASGI with the same decoding, validation and inference"] == (5000 / 8000, "missed")
    assert reached["one row: times the best tuned peer"] == (10, "met")
    assert reached["1,000 rows as JSON: times bare ASGI with ONNX Runtime"] == (None, "not measured")
    assert reached["resident memory after start (MB)"] == (120, "missed")
    assert reached["start to the first 200 (s)"] == (0.5, "met")


def test_goodput_is_the_least_beyond_the_capacity_as_a_share_of_the_peak() -> None:
    reached = {aim.what: aim.verdict for aim in compare.aims(session())}
    assert compare.least_goodput(session().curves[0]) == 0.8
    assert reached["overload, iris, 1,000 rows: least goodput from 2 × on, of the peak"] == "missed"


def test_a_stage_says_what_was_shed_and_how_much_longer_the_accepted_waited() -> None:
    results = session()
    curve = msgspec.structs.replace(results.curves[0], points=[point(0.5, 50), point(10, 75, 225, p99=20.0)])
    text = page.render(msgspec.structs.replace(results, curves=[curve]))
    assert row(text, "10 ×") == ["10 ×", "10 ×", "75 %", "75 %", "0 %", "20 ms (4.0 ×)", "20 ms (4.0 ×)"]


def test_start_and_memory_are_compared_with_the_seeds() -> None:
    text = page.render(session())
    assert row(text, "this service, iris")[1:4] != []
    assert "| this service, iris | 0.50 s (0.25 ×) | 0.25 s (0.25 ×) | 120 MB (0.50 ×) |" in text


def test_a_plot_is_the_same_bytes_again_and_takes_the_readers_colours() -> None:
    for draw in (plots.throughput, plots.overload):
        text = draw(session())
        assert text == draw(session())
        assert "prefers-color-scheme" in text
        assert "currentColor" in text
        assert "#010101" not in text


def test_a_plot_names_every_server_and_format() -> None:
    text = plots.throughput(session())
    for one in session().figures:
        assert f"{one.server}: {one.form}" in text.replace("&#39;", "'")


def test_a_session_without_any_figure_still_makes_a_page(tmp_path: Path) -> None:
    results = session()
    empty = msgspec.structs.replace(results, figures=[], footprints=[], curves=[], mixed=[], absent=[], checked={})
    page.write(empty, tmp_path)
    assert "Nothing." in (tmp_path / "benchmarks.md").read_text()


def test_the_page_in_docs_is_what_its_results_give(repository: Path) -> None:
    docs = repository / "docs"
    kept = page.results_file(docs)
    assert kept.exists() == (docs / page.PAGE).exists()
    if kept.exists():
        assert (docs / page.PAGE).read_text() == page.render(read(kept))


@pytest.mark.parametrize(
    ("value", "text"), [(0.834, "0.83"), (0.996, "1.0"), (9.94, "9.9"), (9.96, "10"), (1234.5, "1,234"), (None, "–")]
)
def test_numbers_have_two_digits_that_count(value: float | None, text: str) -> None:
    assert number(value) == text


def test_the_spread_is_half_the_distance_between_the_rounds() -> None:
    assert figure(SERVICE, [90, 100, 120]).spread == 0.15
