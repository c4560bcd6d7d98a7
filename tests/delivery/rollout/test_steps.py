"""What comes next follows from what a stack serves, so a rollout that broke off goes on like any other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.steps import Deployed, Serving, checked, next_move, serving, way_back
from delivery.unit import DeliveryError

STEPS = (5, 25, 50, 100)


def release(letter: str) -> Deployed:
    """One of several releases."""
    return Deployed(image=f"registry.test/serving@sha256:{letter * 64}", model_version=letter * 16, commit=letter * 40)


OLD, NEW, OTHER = release("a"), release("b"), release("c")
RELEASES = st.sampled_from([OLD, NEW, OTHER])


@st.composite
def states(draw: st.DrawFn) -> Serving:
    """Anything that a stack may serve, whoever left it so."""
    candidate = draw(st.none() | RELEASES)
    return Serving(
        stable=draw(RELEASES), candidate=candidate, weight=draw(st.integers(0, 100)) if candidate is not None else 0
    )


def way(now: Serving, target: Deployed) -> list[tuple[Serving, bool]]:
    """Every move from ``now`` on, each candidate being found good."""
    moves: list[tuple[Serving, bool]] = []
    while (move := next_move(now, target, STEPS)) is not None:
        assert len(moves) < 20, "this goes on for ever"
        moves.append((move.after, move.judged))
        now = move.after
    return moves


def test_a_release_goes_through_every_step_and_is_judged_before_each_but_the_first() -> None:
    moves = way(Serving(stable=OLD), NEW)
    beside = [(Serving(stable=OLD, candidate=NEW, weight=weight)) for weight in (0, *STEPS)]
    assert moves == list(zip([*beside, Serving(stable=NEW)], [False, False, True, True, True, True], strict=True))


@given(now=states(), target=RELEASES)
def test_from_whatever_is_found_the_target_alone_gets_the_traffic_in_the_end(now: Serving, target: Deployed) -> None:
    moves = way(now, target)
    end = moves[-1][0] if moves else now
    assert end.stable == target
    assert end.weight == 0


@given(now=states(), target=RELEASES)
def test_nobody_gets_more_traffic_without_being_judged_where_they_had_some(now: Serving, target: Deployed) -> None:
    for after, judged in way(now, target):
        if after.weight > now.weight > 0:
            assert judged
        if after.stable != now.stable:
            assert now.weight == 100, "a release is made the stable one before it had all the traffic"
            assert judged
        now = after


@given(now=states(), target=RELEASES)
def test_a_candidate_loses_its_traffic_before_another_takes_its_place(now: Serving, target: Deployed) -> None:
    for after, _ in way(now, target):
        if after.candidate != now.candidate and now.candidate != after.stable:
            assert now.weight == 0
        now = after


@given(now=states(), previous=st.none() | RELEASES)
def test_the_way_back_leaves_all_the_traffic_with_a_release_that_served_before(
    now: Serving, previous: Deployed | None
) -> None:
    after = way_back(now, previous)
    if after is None:
        assert now.weight == 0
        return
    assert after.weight == 0
    assert after.stable == (now.stable if now.weight else previous)


def test_behind_a_promotion_the_release_that_served_stays_beside_the_one_before() -> None:
    assert way_back(Serving(stable=NEW), OLD) == Serving(stable=OLD, candidate=NEW)
    assert way_back(Serving(stable=OLD), OLD) is None


@given(now=states())
def test_what_a_stack_serves_is_read_from_its_outputs(now: Serving) -> None:
    outputs: dict[str, Any] = {
        "release": now.stable.id,
        **dict(zip(("image", "modelVersion", "commit"), now.stable.settings.values(), strict=True)),
        "candidateWeight": now.weight,
    }
    if now.candidate:
        names = ("candidateImage", "candidateModelVersion", "candidateCommit")
        outputs |= {
            "candidateRelease": now.candidate.id,
            **dict(zip(names, now.candidate.settings.values(), strict=True)),
        }
    assert serving(outputs) == now


def test_a_stack_that_serves_nothing_is_told_what_to_do_first() -> None:
    with pytest.raises(DeliveryError, match="make up"):
        serving({})


@pytest.mark.parametrize("steps", [(), (0, 100), (5, 50), (50, 5, 100), (5, 5, 100), (5, 101)])
def test_steps_that_do_not_grow_to_all_of_the_traffic_are_refused(steps: tuple[int, ...]) -> None:
    with pytest.raises(DeliveryError, match="grow and end at 100"):
        checked(steps)


def test_a_weight_between_two_steps_goes_on_to_the_higher_one() -> None:
    now = Serving(stable=OLD, candidate=NEW, weight=30)
    move = next_move(now, NEW, STEPS)
    assert move is not None
    assert move.after == replace(now, weight=50)
