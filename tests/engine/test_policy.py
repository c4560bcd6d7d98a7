"""The policy pack under the real engine: it stops a preview and an update before anything is created."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.engine.conftest import Deploy
from tests.engine.driver import Deployment

pytestmark = pytest.mark.engine

PASSWORD = "correct-horse-battery"
POLICIES = ("--policy-pack", "policy")


def secret_in_plain_environment(stack: Deployment) -> None:
    """A setting that breaks a rule."""
    stack.configure({"service.env": {"DB_PASSWORD": PASSWORD}})


def registry_without_protection(stack: Deployment) -> None:
    """A change of the program that breaks a rule."""
    stack.edit("components/azure/registry.py", ", protect=True", "")


BREACHES = pytest.mark.parametrize(
    ("breach", "rule", "place"),
    [
        (secret_in_plain_environment, "no-plain-secrets", "DB_PASSWORD"),
        (registry_without_protection, "data-is-kept", "protect"),
    ],
)


@BREACHES
def test_a_breach_blocks_the_preview_and_the_update_before_anything_exists(
    deployment: Deploy, breach: Callable[[Deployment], None], rule: str, place: str
) -> None:
    stack = deployment("azure-dev")
    breach(stack)

    preview, update = stack.preview(*POLICIES), stack.up(*POLICIES, preview=True)

    for outcome in (preview, update):
        assert not outcome.succeeded
        assert list(outcome.violations) == [rule]
        assert place in outcome.violations[rule][0]
        assert place in outcome.output
        assert PASSWORD not in str(outcome.violations)
    assert len(stack.cloud) == 0
    assert stack.known == []


def test_a_breach_stops_an_update_without_a_preview_at_the_resource_that_it_is_in(deployment: Deploy) -> None:
    stack = deployment("azure-dev")
    registry_without_protection(stack)

    update = stack.up(*POLICIES)

    assert not update.succeeded
    assert list(update.violations) == ["data-is-kept"]
    assert stack.cloud.of("containerregistry:Registry") == []
    stack.assert_agreement()
