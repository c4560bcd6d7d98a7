"""How long a candidate is watched, and what ends it; time passes only when the watch waits."""

from __future__ import annotations

import pytest

from delivery.judge import Counts
from delivery.prometheus import PrometheusError
from delivery.unit import DeliveryError
from delivery.watch import HeldError, Pace, Read, watch
from observability.slo import Quality, Slo

SLO = Slo(minimum_requests=100, quality=Quality(minimum_rows=100))
PACE = Pace(bake=60, patience=120, pause=10)


class Time:
    """A clock that waiting moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def wait(self, seconds: float) -> None:
        """Let it pass."""
        self.now += seconds


def counts(requests: int, errors: int = 0) -> Counts:
    """A release that answered so many."""
    bins = {"a": ((requests - errors) // 2, 0.5), "b": ((requests - errors) // 2, 0.5)}
    return Counts(requests=requests, errors=errors, timed=requests - errors, bins=bins)


def watched(read: Read, time: Time) -> tuple[str, list[str]]:
    """The decision and what was said."""
    said: list[str] = []
    verdict = watch(read, SLO, PACE, clock=lambda: time.now, wait=time.wait, say=said.append)
    return verdict.decision, said


def test_a_good_candidate_is_watched_for_the_whole_bake_time_over_the_whole_step() -> None:
    time, asked = Time(), list[int]()

    def read(seconds: int) -> tuple[Counts, Counts]:
        asked.append(seconds)
        return counts(seconds * 10), counts(seconds * 100)

    decision, said = watched(read, time)
    assert decision == "promote"
    assert time.now == 1060
    assert asked == [10, 20, 30, 40, 50, 60]
    assert all("errors: candidate 0 of" in line for line in said[::3])


def test_a_bad_one_is_told_at_the_first_look_that_sees_it() -> None:
    time = Time()
    decision, _ = watched(lambda seconds: (counts(seconds * 10, errors=seconds * 5), counts(seconds * 100)), time)
    assert decision == "back"
    assert time.now == 1010


def test_missing_samples_are_waited_for_beyond_the_bake_time() -> None:
    time = Time()
    decision, said = watched(lambda seconds: (counts(seconds + 20), counts(seconds * 100)), time)
    assert decision == "promote"
    assert time.now == 1080
    assert "100 are wanted" in said[0]


def test_when_patience_ends_the_watch_says_what_was_missing() -> None:
    time = Time()
    with pytest.raises(HeldError, match=r"not decided within 180 s: errors: .* 0 of 50 .* 100 are wanted"):
        watched(lambda _: (counts(50), counts(5000)), time)
    assert time.now == 1180


def test_a_prometheus_that_does_not_answer_for_a_while_is_asked_again() -> None:
    time = Time()

    def read(seconds: int) -> tuple[Counts, Counts]:
        if seconds < 60:
            raise PrometheusError("no answer")
        return counts(seconds * 10), counts(seconds * 100)

    decision, said = watched(read, time)
    assert decision == "promote"
    assert said[0].endswith("no answer")


def test_one_that_never_answers_holds() -> None:
    def read(_: int) -> tuple[Counts, Counts]:
        raise PrometheusError("no answer")

    with pytest.raises(HeldError, match="no answer"):
        watched(read, Time())


@pytest.mark.parametrize("wrong", [{"bake": 0}, {"patience": -1}, {"pause": 0}, {"significance": 0.7}])
def test_a_pace_that_cannot_be_meant_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(DeliveryError, match=f"--{next(iter(wrong))}"):
        Pace(**wrong)  # pyright: ignore[reportArgumentType]  whole seconds but for one
