"""Rollouts that break off, and two at once: what is left is put right by the next, and nobody is in doubt who works."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.engine.rollout.conftest import OLD, MakeStage
from tests.engine.rollout.stage import Stage, lines_with, until
from tests.observability.live.traffic import USUAL

pytestmark = [pytest.mark.engine, pytest.mark.prometheus, pytest.mark.timeout(900)]

STEPS = ("--steps", "20,100")


@pytest.fixture(scope="module")
def one(stage: MakeStage) -> Stage:
    """A stack that every test leaves to a stable release."""
    return stage("gcp-prod")


def test_ctrl_c_leaves_the_traffic_and_no_lease_and_the_next_rollout_goes_on_from_there(
    one: Stage, artifacts: Mapping[str, Path]
) -> None:
    new, directory = one.release("b")
    one.start(new, artifacts["prices"], *USUAL)
    driver = one.rollout(directory, *STEPS, "--bake", "600")
    until(driver, "watching")
    one.interrupt(driver, signal.SIGINT)
    status, said = one.finish(driver)
    assert status == 2, said
    assert "error: stopped" in said
    assert one.public == {OLD.id: 80, new.id: 20}

    status, said = one.finish(one.rollout(directory, *STEPS))
    assert status == 0, said
    assert not [line for line in lines_with(said, "→") if line.endswith("at 20 %")], "the step is not repeated"
    assert lines_with(said, "watching", "at 20 %")
    assert one.public == {new.id: 100}


def test_a_second_rollout_is_refused_and_a_rollback_takes_the_stack_from_the_first(
    one: Stage, artifacts: Mapping[str, Path]
) -> None:
    before = one.outputs()["release"]
    new, directory = one.release("c")
    one.start(new, artifacts["prices"], *USUAL)
    first = one.rollout(directory, *STEPS, "--bake", "600")
    until(first, "watching")

    status, said = one.finish(one.rollout(directory, *STEPS))
    assert status == 2, said
    assert "this stack is being rolled out by" in said
    by_hand = one.stack.up()
    assert not by_hand.succeeded
    assert "this stack is being rolled out by" in by_hand.output

    status, said = one.finish(one.command("rollback"))
    assert status == 0, said
    assert lines_with(said, "taking the stack from")
    status, said = one.finish(first)
    assert status == 2, said
    assert "somebody took the stack over" in said
    assert one.public == {before: 100}


@pytest.mark.parametrize(("letter", "acted"), [("d", False), ("e", True)], ids=["before", "after the cloud acted"])
def test_a_driver_killed_while_it_moves_traffic_blocks_until_its_lease_runs_out_and_then_the_next_goes_on(
    one: Stage, artifacts: Mapping[str, Path], letter: str, acted: bool
) -> None:
    before = one.outputs()["release"]
    new, directory = one.release(letter)
    one.start(new, artifacts["prices"], *USUAL)
    hang = one.stack.cloud.faults.hang("update", type="cloudrunv2/service:Service", nth=2, after=acted)
    driver = one.rollout(directory, *STEPS)
    assert hang.reached.wait(240)
    one.interrupt(driver, signal.SIGKILL)
    one.finish(driver)
    assert one.public == ({before: 80, new.id: 20} if acted else {before: 100})

    status, said = one.finish(one.rollout(directory, *STEPS))
    assert status == 2, said
    assert "is being updated by" in said

    one.run_out()
    status, said = one.finish(one.rollout(directory, *STEPS))
    assert status == 0, said
    assert lines_with(said, "the lock of a rollout that died is taken away")
    assert one.public == {new.id: 100}
    assert "lease" not in one.outputs()
    one.stack.assert_agreement()


def test_drivers_killed_in_every_later_step_are_followed_by_one_that_goes_on_from_there(
    one: Stage, artifacts: Mapping[str, Path]
) -> None:
    before = one.outputs()["release"]
    new, directory = one.release("9")
    one.start(new, artifacts["prices"], *USUAL)
    # The first driver updates the service for the candidate, 20 % and 100 %; the second for 100 % and to promote.
    for update, public in ((3, {before: 80, new.id: 20}), (2, {new.id: 100})):
        hang = one.stack.cloud.faults.hang("update", type="cloudrunv2/service:Service", nth=update)
        driver = one.rollout(directory, *STEPS)
        while not hang.reached.wait(0.1):
            assert driver.poll() is None, one.finish(driver)
        one.interrupt(driver, signal.SIGKILL)
        one.finish(driver)
        assert one.public == public
        one.run_out()
    assert one.outputs()["release"] == before, "not promoted yet"
    status, said = one.finish(one.rollout(directory, *STEPS))
    assert status == 0, said
    assert one.public == {new.id: 100}
    assert one.outputs()["release"] == new.id
    assert "lease" not in one.outputs()
    one.stack.assert_agreement()


def test_one_killed_in_its_first_update_is_told_from_one_at_work_by_a_person(
    one: Stage, artifacts: Mapping[str, Path]
) -> None:
    new, directory = one.release("f")
    one.start(new, artifacts["prices"], *USUAL)
    hang = one.stack.cloud.faults.hang("update", type="cloudrunv2/service:Service")
    driver = one.rollout(directory, *STEPS)
    assert hang.reached.wait(240)
    one.interrupt(driver, signal.SIGKILL)
    one.finish(driver)

    status, said = one.finish(one.rollout(directory, *STEPS))
    assert status == 2, said
    assert "docs/runbooks/stack-locked.md" in said
    assert one.stack.run("cancel", "--yes").returncode == 0
    status, said = one.finish(one.rollout(directory, *STEPS))
    assert status == 0, said
    assert one.public == {new.id: 100}
    one.stack.assert_agreement()
