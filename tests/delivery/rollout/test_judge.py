"""What the judge makes of numbers."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.judge import Counts, judge
from delivery.watch import Pace
from observability.slo import Quality, Slo

SLO = Slo(minimum_requests=100, quality=Quality(minimum_rows=200))
BINS = {"setosa": 0.5, "virginica": 0.5}


def counts(requests: int = 0, errors: int = 0, slow: int = 0, setosa: float = 0.5) -> Counts:
    """A release that answered so many single-row predictions, ``setosa`` of them as that class."""
    answered = requests - errors
    rows = {"setosa": round(answered * setosa), "virginica": answered - round(answered * setosa)}
    bins = {name: (rows[name], share) for name, share in BINS.items()}
    return Counts(requests=requests, errors=errors, timed=answered, slow=slow, bins=bins)


def decision(candidate: Counts, stable: Counts, looks: int = 20) -> str:
    """Of this comparison."""
    return judge(candidate, stable, SLO, significance=0.01, looks=looks).decision


STABLE = counts(20_000, errors=4, slow=10)


def test_a_candidate_as_good_as_the_stable_release_is_promoted() -> None:
    assert decision(counts(1000, slow=1), STABLE) == "promote"


@pytest.mark.parametrize(
    ("candidate", "about"),
    [
        (counts(1000, errors=30), "errors"),
        (counts(1000, slow=100), "slower than 0.1 s"),
        (counts(1000, setosa=0.9), "predictions"),
    ],
)
def test_each_kind_of_harm_takes_the_traffic_back_and_is_named_with_its_numbers(candidate: Counts, about: str) -> None:
    verdict = judge(candidate, STABLE, SLO, significance=0.01, looks=20)
    assert verdict.decision == "back"
    assert [finding.about for finding in verdict.findings if finding.decision == "back"] == [about]
    assert "1000" in verdict.told("back") or "970" in verdict.told("back")
    assert re.search(r"p [=≤] ", verdict.told("back"))


def test_harm_that_the_stable_release_suffers_as_well_is_not_the_candidates() -> None:
    ill = counts(20_000, errors=1000, slow=2000, setosa=0.9)
    assert decision(counts(1000, errors=55, slow=95, setosa=0.9), ill) == "promote"


def test_a_difference_within_the_objective_is_no_harm() -> None:
    slo = 1 - SLO.latency.target
    assert decision(counts(100_000, slow=round(100_000 * slo * 0.9)), counts(1_000_000, slow=10)) == "promote"


def test_with_few_samples_the_judge_waits_and_says_how_many_are_wanted() -> None:
    verdict = judge(counts(99), STABLE, SLO, significance=0.01, looks=20)
    assert verdict.decision == "wait"
    assert "100 are wanted" in verdict.told("wait")
    assert "200 are wanted" in verdict.told("wait")


def test_few_samples_are_enough_when_all_of_them_fail() -> None:
    assert decision(counts(10, errors=10), STABLE) == "back"


def test_a_candidate_with_all_the_traffic_is_held_to_the_objective_alone() -> None:
    assert decision(counts(1000), counts()) == "promote"
    assert decision(counts(1000, errors=20), counts()) == "back"
    assert decision(counts(1000, setosa=0.9), counts()) == "back"


def test_latency_is_not_waited_for_where_all_rows_come_in_batches() -> None:
    batches = Counts(requests=500, bins={name: (1000, share) for name, share in BINS.items()})
    assert decision(batches, STABLE) == "promote"
    assert decision(Counts(), STABLE) == "wait"


def test_a_class_that_training_never_saw_counts_and_breaks_nothing() -> None:
    drifted = Counts(requests=500, bins={"setosa": (250, 0.5), "virginica": (0, 0.5), "new": (250, 0.0)})
    assert decision(drifted, STABLE) == "back"


def test_looking_often_refuses_a_harmless_candidate_no_more_often_than_it_says() -> None:
    """A/A: 400 rollouts of twenty looks each at two releases that fail alike, far beyond the objective."""
    dice = random.Random(7)
    looks, refused = 20, 0
    for _ in range(400):
        seen = [[0, 0], [0, 0]]
        for _ in range(looks):
            for arm, requests in ((0, 50), (1, 200)):
                seen[arm][0] += sum(dice.random() < 0.02 for _ in range(requests))
                seen[arm][1] += requests
            candidate, stable = (Counts(requests=total, errors=bad) for bad, total in seen)
            if judge(candidate, stable, SLO, significance=0.05, looks=looks).decision == "back":
                refused += 1
                break
    assert refused / 400 <= 0.05


@pytest.mark.parametrize("bins", [2, 5, 10, 30])
def test_few_rows_in_many_bins_refuse_a_harmless_candidate_no_more_often_than_it_says(bins: int) -> None:
    """A/A: 400 rollouts of twenty looks each at predictions that are distributed as in training."""
    dice = random.Random(7)
    slo, looks, refused = Slo(quality=Quality(minimum_rows=1)), 20, 0
    for _ in range(400):
        seen: Counter[int] = Counter()
        for _ in range(looks):
            seen.update(dice.choices(range(bins), k=10))
            candidate = Counts(requests=1, bins={str(each): (seen[each], 1 / bins) for each in range(bins)})
            if judge(candidate, Counts(), slo, significance=0.05, looks=looks).decision == "back":
                refused += 1
                break
    assert refused / 400 <= 0.05


@pytest.mark.parametrize(
    "live",
    [[15, 15, 15, *[65] * 7], [20] * 4 + [70] * 6, [5, 5, *[61] * 7, 63]],
    ids=["three bins of ten rare", "four bins of ten rare", "two bins of ten nearly empty"],
)
def test_the_fewest_rows_of_a_default_step_show_a_drift_beyond_the_limit(live: list[int]) -> None:
    slo, pace = Slo(), Pace()
    drifted = Counts(requests=500, bins={str(number): (count, 0.1) for number, count in enumerate(live)})
    assert drifted.rows == slo.quality.minimum_rows
    verdict = judge(drifted, Counts(), slo, significance=pace.significance, looks=pace.looks)
    assert "predictions: index 0." in verdict.told("back")


@given(
    requests=st.integers(0, 5000),
    bad=st.floats(0, 1),
    stable_requests=st.integers(0, 5000),
    stable_bad=st.floats(0, 1),
    looks=st.integers(1, 1000),
)
def test_more_errors_never_turn_a_candidate_that_was_sent_back_into_a_good_one(
    requests: int, bad: float, stable_requests: int, stable_bad: float, looks: int
) -> None:
    stable = Counts(requests=stable_requests, errors=int(stable_requests * stable_bad))
    fewer = int(requests * bad)
    findings = [
        judge(Counts(requests=requests, errors=errors), stable, SLO, significance=0.01, looks=looks).findings[0]
        for errors in (fewer, requests)
    ]
    if findings[0].decision == "back":
        assert findings[1].decision == "back"
