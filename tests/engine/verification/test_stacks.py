"""The verification in the stacks of every cloud: whom it asks, and a cloud that goes on serving the release before."""

from __future__ import annotations

import json

import pytest

from components.release import release_id
from tests.components.contract import CANDIDATE, STABLE
from tests.engine.conftest import Deploy

pytestmark = pytest.mark.engine

OLD = release_id(STABLE["modelVersion"], STABLE["image"], STABLE["commit"])
NEW = release_id(CANDIDATE["modelVersion"], CANDIDATE["image"], CANDIDATE["commit"])
RELEASES = {"image": None, "training": None, "stable": STABLE, "verification": {"deadlineSeconds": 3}}
CHECK = "pulumi-python:dynamic/mlplatform:ReleaseCheck"


@pytest.mark.parametrize("stack", ["azure-dev", "aws-dev", "gcp-dev"])
def test_a_cloud_that_calls_a_deployment_done_and_serves_the_old_release_fails_the_update(
    deployment: Deploy, stack: str
) -> None:
    made = deployment(stack, config=RELEASES)
    first = made.up()
    assert first.succeeded, first.output
    # What ECS does when its circuit breaker goes back, and then calls steady.
    made.plane.answers(release=OLD)
    made.configure({"stable": CANDIDATE})
    for _ in range(2):
        failed = made.up()
        assert not failed.succeeded, failed.output
        assert f"asked for release {NEW}" in failed.messages
        assert f"it answers release {OLD}" in failed.messages
    made.plane.answers()
    repaired = made.up()
    assert repaired.succeeded, repaired.output
    assert {(step.op, step.type, step.name) for step in repaired.touched} == {("update", CHECK, "verification-stable")}


@pytest.mark.parametrize("stack", ["azure-prod", "aws-prod", "gcp-prod"])
def test_stable_and_candidate_are_each_asked_at_their_own_address(deployment: Deploy, stack: str) -> None:
    made = deployment(stack, config=RELEASES)
    first = made.up()
    assert first.succeeded, first.output
    made.configure({"candidate": CANDIDATE, "candidateWeight": 0})
    made.plane.asked.clear()
    second = made.up()
    assert second.succeeded, second.output
    outputs = json.loads(made.run("stack", "output", "--json").stdout)
    assert outputs["verified"] == {"stable": OLD, "candidate": NEW}
    assert f"{outputs['candidateUrl']}/health" in made.plane.asked
    assert set(made.plane.asked) <= {f"{outputs['candidateUrl']}/health", f"{outputs['stableUrl']}/health"}
