"""The verification under the real engine: what fails an update, and what the next update makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine.verification.conftest import Program, release

pytestmark = pytest.mark.engine

A, B = "a" * 16, "b" * 16
FAULTS = pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"release": release(B)}, f"but it answers release {release(B)} (model version {B})"),
        ({"status": 503}, "but it answers 503 Service Unavailable"),
        ({"nothing": True}, "but no answer: Remote end closed connection"),
        ({"delay": 30}, "but it does not answer in time"),
    ],
    ids=["the old release", "503", "nothing", "too late"],
)


@FAULTS
def test_an_update_fails_with_the_difference_and_so_does_the_next_one_until_it_is_gone(
    program: Program, fault: dict[str, Any], said: str
) -> None:
    program.plane.answers(**fault)
    for _ in range(2):
        failed = program.up()
        assert failed.returncode != 0, failed.stdout
        assert f"error: not verified after 3 s: stable: asked for release {release(A)}" in failed.stdout
        assert said in failed.stdout
        assert "Traceback" not in failed.stdout
    program.plane.answers()
    repaired = program.up()
    assert repaired.returncode == 0, repaired.stdout


def test_a_service_that_answers_late_is_waited_for_and_the_wait_is_shown(program: Program) -> None:
    program.configure(deadlineSeconds="60")
    program.plane.answers(status=503, lasting=1)
    waited = program.up()
    assert waited.returncode == 0, waited.stdout
    assert "503 Service Unavailable" in waited.stdout
    assert "asking for 60 s" in waited.stdout


def test_an_unchanged_stack_is_not_asked_and_a_new_revision_is(program: Program) -> None:
    assert program.up().returncode == 0
    program.plane.asked.clear()
    for arguments in (("preview", "--expect-no-changes"), ("up", "--yes", "--skip-preview", "--expect-no-changes")):
        unchanged = program.pulumi(*arguments)
        assert unchanged.returncode == 0, unchanged.stdout
    assert program.plane.asked == []
    program.configure(deployed="revision-2")
    assert program.pulumi("preview").returncode == 0
    assert program.plane.asked == [], "a preview asks nobody"
    assert program.up().returncode == 0
    assert program.plane.asked == ["https://stable.example.com/health"]


def test_the_way_back_from_a_release_that_failed_is_verified_too(program: Program) -> None:
    assert program.up().returncode == 0
    program.configure(model=B)
    assert program.up().returncode != 0
    program.plane.asked.clear()
    program.configure(model=A)
    assert program.up().returncode == 0
    assert program.plane.asked == ["https://stable.example.com/health"]
    assert json.loads(program.pulumi("stack", "output", "verified").stdout) == {"stable": release(A)}


def test_a_failed_update_leaves_the_outputs_of_the_last_one_that_succeeded(program: Program) -> None:
    assert program.up().returncode == 0
    program.configure(model=B)
    assert program.up().returncode != 0
    assert json.loads(program.pulumi("stack", "output", "verified").stdout) == {"stable": release(A)}


def test_a_refresh_shows_a_release_that_was_changed_by_hand_and_the_next_update_fails(program: Program) -> None:
    assert program.up().returncode == 0
    quiet = program.pulumi("refresh", "--preview-only", "--expect-no-changes")
    assert quiet.returncode == 0, quiet.stdout
    program.plane.answers(release=release(B))
    drift = program.pulumi("refresh", "--preview-only", "--diff")
    assert f"it answers release {release(B)}" in drift.stdout
    assert program.pulumi("refresh", "--yes", "--skip-preview").returncode == 0
    assert program.up().returncode != 0


def test_the_service_need_not_answer_to_be_destroyed(program: Program) -> None:
    assert program.up().returncode == 0
    program.plane.answers(nothing=True)
    destroyed = program.pulumi("destroy", "--yes", "--skip-preview")
    assert destroyed.returncode == 0, destroyed.stdout


def test_the_token_reaches_the_service_and_not_the_state(program: Program) -> None:
    program.plane.answers(token="a-token-for-the-service")
    program.environment["VERIFICATION_TOKEN"] = "a-token-for-the-service"
    assert program.up().returncode == 0
    assert "a-token-for-the-service" not in program.pulumi("stack", "export", "--show-secrets").stdout
