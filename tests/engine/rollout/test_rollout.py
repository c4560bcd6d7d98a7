"""Rollouts by the real engine, a real Prometheus and real services of two releases under generated traffic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.engine.rollout.conftest import OLD, MakeStage
from tests.engine.rollout.stage import lines_with
from tests.observability.live.traffic import USUAL

DEFAULT = (5, 25, 50, 100)

pytestmark = [pytest.mark.engine, pytest.mark.prometheus, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    ("stack", "steps"),
    [("azure-prod", DEFAULT), ("aws-prod", (20, 100)), ("gcp-prod", (20, 100))],
    ids=["azure", "aws", "gcp"],
)
def test_a_healthy_candidate_is_promoted_and_taken_back_again_in_one_command(
    stage: MakeStage, artifacts: Mapping[str, Path], stack: str, steps: tuple[int, ...]
) -> None:
    found = stage(stack)
    new, directory = found.release("b")
    found.start(new, artifacts["prices"], *USUAL)

    options = () if steps == DEFAULT else ("--steps", ",".join(map(str, steps)))
    status, said = found.carry_out("healthy", new, directory, *options)
    assert status == 0, said
    assert found.public == {new.id: 100}
    outputs = found.outputs()
    assert (outputs["release"], outputs["verified"]) == (new.id, {"stable": new.id})
    assert "candidateRelease" not in outputs
    assert "lease" not in outputs
    for share in steps:
        assert lines_with(said, "watching", new.id, f"at {share} %")
    assert lines_with(said, "errors: candidate 0 of", "stable 0 of", "p = 1")

    status, said = found.finish(found.command("rollback"))
    assert status == 0, said
    assert found.public == {OLD.id: 100}
    assert found.outputs()["release"] == OLD.id
    answers = found.callers.answers
    assert set(answers[OLD.id]) == set(answers[new.id]) == {200}, answers
