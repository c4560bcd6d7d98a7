"""Candidates that do harm, or are never seen, leave callers with the stable release; one stack stands for all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.engine.rollout.conftest import OLD, MakeStage
from tests.engine.rollout.stage import Stage, lines_with
from tests.observability.live.traffic import DRIFTED, USUAL

pytestmark = [pytest.mark.engine, pytest.mark.prometheus, pytest.mark.timeout(900)]

FINE, OUT_OF_BOUNDS = {"shelf": 3, "ratio": 2.0}, {"shelf": 99, "ratio": 2.0}
STEPS = ("--steps", "20,100")


@pytest.fixture(scope="module")
def one(stage: MakeStage) -> Stage:
    """A stack that every test leaves to its stable release."""
    return stage("gcp-prod")


def assert_stable_alone(stage: Stage) -> None:
    """Callers meet the stable release, which has failed none of them, and nobody holds the stack."""
    assert stage.public == {OLD.id: 100}
    assert set(stage.callers.answers[OLD.id]) == {200}
    outputs = stage.outputs()
    assert outputs["release"] == OLD.id
    assert "lease" not in outputs


@pytest.mark.parametrize(
    ("scenario", "letter", "artifact", "bodies", "about"),
    [
        ("errors", "b", "fragile", [FINE, FINE, OUT_OF_BOUNDS], "errors: candidate"),
        ("slow answers", "c", "slow", [{"steps": 600_000}], "slower than 0.25 s: candidate"),
        ("drifted predictions", "d", "prices", DRIFTED, "predictions: index"),
    ],
    ids=["errors", "latency", "predictions"],
)
def test_a_candidate_that_does_harm_loses_its_traffic_with_the_reason(
    one: Stage, artifacts: Mapping[str, Path], scenario: str, letter: str, artifact: str, bodies: list[Any], about: str
) -> None:
    bad, directory = one.release(letter)
    one.start(bad, artifacts[artifact], *bodies)

    status, said = one.carry_out(scenario, bad, directory, *STEPS)

    assert status == 1, said
    (reason,) = lines_with(said, "taking the traffic back:")
    assert about in reason
    assert " < " in reason, "the comparison is told"
    assert lines_with(said, "refused:", bad.id, "at 20 %")
    assert not lines_with(said, "at 100 %")
    assert_stable_alone(one)


@pytest.mark.parametrize(
    ("scenario", "letter", "answer", "reason"),
    [
        ("never ready", "e", {"status": 503}, "503"),
        ("answers as another release", "f", {"release": OLD.id}, f"it answers release {OLD.id}"),
    ],
    ids=["never ready", "another release"],
)
def test_a_candidate_that_does_not_answer_as_itself_gets_no_traffic(
    one: Stage, scenario: str, letter: str, answer: dict[str, Any], reason: str
) -> None:
    bad, directory = one.release(letter)
    one.stack.plane.answers(**answer)
    try:
        status, said = one.carry_out(scenario, bad, directory, *STEPS)
    finally:
        one.stack.plane.answers()
    assert status == 1, said
    assert lines_with(said, "refused:", "asked for release", bad.id)
    assert reason in said
    assert not lines_with(said, "watching")
    assert_stable_alone(one)


def test_too_little_traffic_holds_the_rollout_until_somebody_decides(one: Stage, artifacts: Mapping[str, Path]) -> None:
    quiet, directory = one.release("0")
    one.start(quiet, artifacts["prices"], *USUAL)
    one.callers.per_second, before = 1, one.callers.per_second
    try:
        status, said = one.carry_out("too little traffic", quiet, directory, *STEPS, "--patience", "3")
    finally:
        one.callers.per_second = before
    assert status == 3, said
    assert lines_with(said, "held:", "30 are wanted")
    assert one.public == {OLD.id: 80, quiet.id: 20}
    assert "lease" not in one.outputs()

    status, said = one.finish(one.command("rollback"))
    assert status == 0, said
    assert_stable_alone(one)
