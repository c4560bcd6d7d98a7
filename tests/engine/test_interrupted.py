"""Updates that die half-way: the next one takes them up, with nothing doubled and nothing lost.

One stack stands for all: what is tried here is the engine's and the state's, whatever the cloud. AWS gives ids of its
own choice, so that a thing created twice is not refused for its name, as it is elsewhere.
"""

from __future__ import annotations

import time
from collections import Counter

import pytest

from engine.standin.faults import Hang
from tests.engine.conftest import Deploy
from tests.engine.driver import Deployment, Step

pytestmark = pytest.mark.engine


def created(stack: Deployment) -> Counter[str]:
    """How often each resource was created in the cloud."""
    return Counter(operation.urn for operation in stack.cloud.operations if operation.method == "create")


def pending(stack: Deployment) -> list[tuple[str, str]]:
    """The operations of which the state does not know how they ended: (type, URN)."""
    found = stack.export()["deployment"].get("pending_operations") or []
    return [(operation["type"], operation["resource"]["urn"]) for operation in found]


def assert_whole(stack: Deployment) -> None:
    """Everything exists once, the state knows all of it, and there is nothing left to do."""
    stack.assert_agreement()
    assert set(created(stack).values()) == {1}
    assert stack.preview().touched == set()


def kill_at(stack: Deployment, operation: str, hang: Hang) -> None:
    """Run ``operation`` until it hangs, let everything beside it come to rest, and kill the CLI."""
    process = stack.start(operation)
    assert hang.reached.wait(120)
    done = -1
    while done < (done := len(stack.cloud.operations)):
        time.sleep(2)
    stack.kill(process)


@pytest.fixture
def stack(deployment: Deploy) -> Deployment:
    """A stack with nothing deployed yet."""
    return deployment("aws-dev")


def test_an_update_that_the_cloud_refuses_half_way_is_finished_by_the_next(stack: Deployment) -> None:
    stack.cloud.faults.fail("create", nth=50, message="the account's quota is reached")

    broken = stack.up()

    assert not broken.succeeded
    assert "the account's quota is reached" in broken.messages
    assert len(broken.failed) == 1
    stack.assert_agreement()
    half = len(stack.cloud)
    assert half >= 49

    assert stack.up().succeeded
    assert len(stack.cloud) > half
    assert_whole(stack)


def test_an_update_killed_before_the_cloud_acted_leaves_a_lock_and_goes_on_after_it_is_taken_away(
    stack: Deployment,
) -> None:
    hang = stack.cloud.faults.hang("create", type="ec2/vpc:Vpc")
    kill_at(stack, "up", hang)

    locked = stack.up()
    assert not locked.succeeded
    assert "the stack is currently locked by 1 lock(s)" in locked.output
    assert "pulumi cancel" in locked.output

    assert stack.run("cancel", "--yes").returncode == 0
    (interrupted,) = pending(stack)
    assert interrupted[0] == "creating"
    going_on = stack.up()
    assert going_on.succeeded, going_on.output
    assert "interrupted while creating" in going_on.messages
    assert_whole(stack)

    cleared = stack.refresh("--clear-pending-creates")
    assert cleared.succeeded, cleared.output
    assert pending(stack) == []
    assert_whole(stack)


def test_what_the_cloud_created_after_the_update_was_killed_is_adopted_instead_of_doubled(stack: Deployment) -> None:
    hang = stack.cloud.faults.hang("create", type="ec2/vpc:Vpc", after=True)
    kill_at(stack, "up", hang)
    stack.run("cancel", "--yes")
    (vpc,) = stack.cloud.of("ec2/vpc:Vpc")
    assert pending(stack) == [("creating", vpc.urn)]

    # What `refresh --import-pending-creates` is meant for; in the engine it forgets the resource instead of reading it.
    assert stack.refresh("--clear-pending-creates").succeeded
    parent = vpc.urn.replace("$aws:ec2/vpc:Vpc::", "::")
    adopted = stack.run(
        *("import", vpc.type, vpc.name, vpc.id, "--parent", f"it={parent}"),
        *("--yes", "--skip-preview", "--protect=false", "--generate-code=false"),
    )

    assert adopted.returncode == 0, adopted.stdout + adopted.stderr
    assert pending(stack) == []
    assert stack.up().succeeded
    assert_whole(stack)


def test_an_update_killed_while_it_replaced_something_is_finished_by_the_next(stack: Deployment) -> None:
    assert stack.up().succeeded
    count = len(stack.cloud)
    stack.configure({"model": "iris@fedcba9876543210"})
    hang = stack.cloud.faults.hang("update", type="ecs/service:Service")
    kill_at(stack, "up", hang)
    stack.run("cancel", "--yes")
    assert [kind for kind, _ in pending(stack)] == ["updating"]

    finished = stack.up()

    assert finished.succeeded, finished.output
    assert Step("update", "aws:ecs/service:Service", "compute-stable") in finished.touched
    assert len(stack.cloud) == count
    stack.assert_agreement()
    assert stack.preview().touched == set()


def test_a_destruction_killed_half_way_is_finished_by_the_next(stack: Deployment) -> None:
    assert stack.up().succeeded
    stack.run("state", "unprotect", "--all", "--yes")
    hang = stack.cloud.faults.hang("delete", nth=20, after=True)
    kill_at(stack, "destroy", hang)
    stack.run("cancel", "--yes")
    assert "deleting" in [kind for kind, _ in pending(stack)]

    finished = stack.destroy()

    assert finished.succeeded, finished.output
    assert len(stack.cloud) == 0
    assert stack.known == []
