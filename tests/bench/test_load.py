"""What the load generators tell, as figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import closed_loop, open_loop, overload
from bench.formats import LISTED
from bench.open_loop import Answers
from bench.results import percentile
from tests.bench.models import small

WRK = (
    "Running 2s test @ http://127.0.0.1:1\n"
    '{"requests":1000,"seconds":2.0,"status":100,"connect":1,"read":2,"write":3,"timeout":4,"p50":0.5,"p99":2.5}\n'
)


def test_a_rate_counts_good_answers_alone_and_everything_else_is_an_error() -> None:
    load = closed_loop.parse(WRK, generator=0.25)
    assert (load.rate, load.errors, load.p50, load.p99, load.generator) == (450, 110, 0.5, 2.5, 0.25)


def test_a_generator_that_told_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        closed_loop.parse("unable to connect to 127.0.0.1", 0)


def test_requests_are_written_with_their_lengths(tmp_path: Path) -> None:
    file = tmp_path / "requests"
    closed_loop.write_requests(file, [b"one\n", b"three"])
    assert file.read_bytes() == b"4 5\none\nthree"


def test_an_attacks_answers_come_in_the_order_of_their_starts() -> None:
    answers = open_loop.parse("2000000000,503,1000000,0,0,busy\n1000000000,200,500000000,0,0,\n")
    assert answers == Answers([0.0, 1.0], [200, 503], [0.5, 0.001])


def test_an_attack_asks_for_all_rows(tmp_path: Path) -> None:
    file = tmp_path / "targets.json"
    open_loop.write_targets(file, LISTED, small(), 3, 8000)
    assert len(file.read_bytes().splitlines()) == 2


def test_a_backlog_lowers_the_goodput() -> None:
    # 100 requests within a second, the last answered a second later: 50 a second were answered.
    starts = [index / 100 for index in range(101)]
    point = overload.point(Answers(starts, [200] * 101, [1.0] * 101), 2, 100)
    assert point.offered == pytest.approx(101)
    assert point.good == pytest.approx(50.5)


def test_refused_and_failed_requests_are_told_apart_and_do_not_count_as_fast() -> None:
    point = overload.point(Answers([0.0, 0.5, 0.75, 1.0], [200, 503, 0, 200], [0.4, 0.001, 0.2, 0.4]), 2, 4)
    assert (point.shed, point.failed) == pytest.approx((1 / 1.4, 1 / 1.4))
    assert point.p50 == 400


def after(bad: float, whole: float = 2.0) -> Answers:
    """Ten requests a tenth of a second for ``whole`` seconds, refused until ``bad``."""
    starts = [index / 100 for index in range(int(whole * 100))]
    return Answers(starts, [503 if start < bad else 200 for start in starts], [0.01] * len(starts))


def test_recovery_is_when_answers_are_as_usual_and_stay_so() -> None:
    assert overload.recovery(after(bad=0.35), usual_p99=10) == pytest.approx(0.4)
    assert overload.recovery(after(bad=0), usual_p99=10) == 0


def test_a_server_that_still_refuses_or_is_slow_at_the_end_has_not_recovered() -> None:
    assert overload.recovery(after(bad=5), usual_p99=10) is None
    assert overload.recovery(after(bad=0), usual_p99=1) is None


def test_percentiles_are_values_that_occurred() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 3.0
    assert percentile([1.0], 0.99) == 1.0
    assert percentile([], 0.5) is None
