"""The life of every cloud stack, from nothing to nothing, as `make preview`, `make up` and `make destroy` lead it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.engine.conftest import Deploy
from tests.engine.driver import Deployment, Outcome, Step

pytestmark = pytest.mark.engine

STACKS = ("azure-dev", "aws-dev", "gcp-dev", "azure-prod", "aws-prod", "gcp-prod")
GUARDS = {
    "azure-prod": {("delete", "azure-native:authorization:ManagementLockByScope")},
    "aws-prod": {("update", "aws:lb/loadBalancer:LoadBalancer"), ("update", "aws:rds/instance:Instance")},
    "gcp-prod": {
        ("update", "gcp:cloudrunv2/service:Service"),
        ("update", "gcp:cloudrunv2/job:Job"),
        ("update", "gcp:sql/databaseInstance:DatabaseInstance"),
    },
}
"""What a production cloud itself would refuse to delete, whoever asks."""
POLICIES = ("--policy-pack", "policy")


@dataclass(frozen=True, kw_only=True)
class Life:
    """What each stage of a stack's life did, and what the cloud held after the decisive ones."""

    stack: str
    first_preview: Outcome
    first_update: Outcome
    created: set[Step]
    known: int
    second_preview: Outcome
    second_update: Outcome
    refresh: Outcome
    refused_destruction: Outcome
    held_after_refusal: int
    retirement: Outcome
    destruction: Outcome
    left_in_the_cloud: list[str]
    left_in_the_state: list[str]


@pytest.fixture(scope="module", params=STACKS)
def life(request: pytest.FixtureRequest, deployment: Deploy) -> Life:
    """A whole life, lived once; the tests look at its stages."""
    stack: Deployment = deployment(request.param)
    first_preview, first_update = stack.preview(*POLICIES), stack.up(*POLICIES)
    created, known = {Step("create", record.type, record.name) for record in stack.cloud}, len(stack.known)
    second_preview, second_update, refresh = stack.preview(*POLICIES), stack.up(), stack.refresh()
    refused_destruction, held_after_refusal = stack.destroy(), len(stack.cloud)
    stack.configure({"retiring": True})
    retirement = stack.up()
    stack.run("state", "unprotect", "--all", "--yes")
    destruction = stack.destroy()
    return Life(
        stack=stack.stack,
        first_preview=first_preview,
        first_update=first_update,
        created=created,
        known=known,
        second_preview=second_preview,
        second_update=second_update,
        refresh=refresh,
        refused_destruction=refused_destruction,
        held_after_refusal=held_after_refusal,
        retirement=retirement,
        destruction=destruction,
        left_in_the_cloud=[record.urn for record in stack.cloud],
        left_in_the_state=[resource["urn"] for resource in stack.known],
    )


def test_the_first_preview_plans_everything_that_the_update_then_creates(life: Life) -> None:
    assert life.first_preview.succeeded, life.first_preview.output
    assert life.first_update.succeeded, life.first_update.output
    assert {step.op for step in life.first_preview.touched} == {"create"}
    assert life.first_preview.touched == life.first_update.touched


def test_what_the_update_says_it_created_is_what_the_cloud_and_the_state_hold(life: Life) -> None:
    assert life.created
    assert life.created <= life.first_update.touched
    assert life.known == len(life.created)


def test_the_policy_pack_judges_the_plan_and_the_update_and_has_no_objection(life: Life) -> None:
    for outcome in (life.first_preview, life.first_update, life.second_preview):
        assert "mlplatform" in outcome.output.partition("Policies:")[2], outcome.output
        assert outcome.violations == {}


def test_a_second_preview_and_a_second_update_change_nothing(life: Life) -> None:
    assert life.second_preview.succeeded, life.second_preview.output
    assert life.second_preview.touched == set()
    assert life.second_update.succeeded, life.second_update.output
    assert life.second_update.touched == set()


def test_a_refresh_finds_the_cloud_as_the_state_knows_it(life: Life) -> None:
    assert life.refresh.succeeded, life.refresh.output
    assert life.refresh.touched == set()


def test_destroying_is_refused_before_anything_is_deleted_and_the_message_says_how_to_go_on(life: Life) -> None:
    assert not life.refused_destruction.succeeded
    assert "cannot be deleted\nbecause it is protected" in life.refused_destruction.messages
    assert "pulumi state unprotect" in life.refused_destruction.messages
    assert life.held_after_refusal == len(life.created)


def test_retiring_takes_the_clouds_own_guards_off_and_touches_nothing_else(life: Life) -> None:
    assert life.retirement.succeeded, life.retirement.output
    assert {(step.op, step.type) for step in life.retirement.touched} == GUARDS.get(life.stack, set())


def test_destroying_what_was_unprotected_leaves_nothing(life: Life) -> None:
    assert life.destruction.succeeded, life.destruction.output
    assert life.left_in_the_cloud == []
    assert life.left_in_the_state == []
