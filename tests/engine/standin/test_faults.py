from __future__ import annotations

import threading
from collections.abc import Callable

import grpc
import pytest

from engine.standin.faults import Faults, Refused


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def meet(faults: Faults) -> Callable[..., None]:
    """Meet what is armed, as an operation on a bucket does."""

    def meet(
        operation: str = "create",
        type_: str = "gcp:storage/bucket:Bucket",
        name: str = "one",
        after: bool = False,
        ended: threading.Event | None = None,
    ) -> None:
        faults.meet(operation, type_, name, ended or threading.Event(), after=after)

    return meet


def test_the_nth_operation_fails_and_those_around_it_do_not(faults: Faults, meet: Callable[..., None]) -> None:
    faults.fail("create", nth=3, message="no capacity")
    meet()
    meet("update")
    meet()
    with pytest.raises(Refused, match="no capacity"):
        meet()
    meet()


def test_a_fault_meets_only_the_type_and_name_that_it_is_armed_for(faults: Faults, meet: Callable[..., None]) -> None:
    faults.fail(type="bucket:Bucket", name="two", times=None)
    meet()
    meet(type_="gcp:storage/bucketObject:BucketObject", name="two")
    for operation in ("create", "delete"):
        with pytest.raises(Refused):
            meet(operation, name="two")


def test_a_fault_after_the_effect_leaves_the_arrival_alone(faults: Faults, meet: Callable[..., None]) -> None:
    faults.fail("create", after=True)
    meet()
    with pytest.raises(Refused):
        meet(after=True)


def test_what_is_rejected_is_rejected_always_and_can_still_be_deleted(
    faults: Faults, meet: Callable[..., None]
) -> None:
    faults.reject("Bucket", "quota exceeded")
    for operation in ("create", "update", "create"):
        with pytest.raises(Refused, match="quota exceeded") as refusal:
            meet(operation)
        assert refusal.value.code is grpc.StatusCode.PERMISSION_DENIED
    meet("delete")
    faults.clear()
    meet("create")


def test_a_slow_operation_waits_no_longer_than_its_caller(faults: Faults, meet: Callable[..., None]) -> None:
    faults.slow(3600, "create")
    gone = threading.Event()
    gone.set()
    meet(ended=gone)


def test_a_held_operation_goes_on_when_it_is_released(faults: Faults, meet: Callable[..., None]) -> None:
    hang = faults.hang("create")
    thread = threading.Thread(target=meet)
    thread.start()
    assert hang.reached.wait(10)
    assert thread.is_alive()
    hang.released.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_held_operation_ends_with_its_caller(faults: Faults, meet: Callable[..., None]) -> None:
    faults.hang("create")
    gone = threading.Event()
    gone.set()
    with pytest.raises(Refused, match="cancelled"):
        meet(ended=gone)
