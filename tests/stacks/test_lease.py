"""Whether an update may go on, by the lease that the one before left."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, replace
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.lease import LOST, VARIABLE, Claim, Lease, LeaseError, admit, read
from tests.components.contract import configuration, fakes
from tests.components.harness import PROJECT, run

HELD = Lease(holder="ada@build 12 1a2b", until=2_000_000_000.0)
ME = "bob@build 13 3c4d"
LATER = HELD.until + 600


def test_a_rollout_begins_where_there_is_no_lease_or_one_that_has_run_out() -> None:
    admit(Claim(ME, LATER), None, 0)
    admit(Claim(ME, LATER), HELD, HELD.until)


@pytest.mark.parametrize("claim", [Claim(ME, LATER), None], ids=["a second rollout", "an update by hand"])
def test_while_a_lease_binds_others_are_refused_and_told_whose_it_is(claim: Claim | None) -> None:
    with pytest.raises(LeaseError, match=r"by ada@build 12 1a2b until 2033-05-18 03:33:20 UTC; .* make rollback"):
        admit(claim, HELD, HELD.until - 1)


def test_its_holder_goes_on_even_after_it_has_run_out_if_nobody_has_come_between() -> None:
    admit(Claim(HELD.holder, LATER, expects=HELD.holder), HELD, HELD.until - 1)
    admit(Claim(HELD.holder, LATER, expects=HELD.holder), HELD, HELD.until + 1)


@pytest.mark.parametrize("held", [None, Lease(ME, LATER)], ids=["ended", "another's"])
def test_a_rollout_whose_lease_was_taken_does_not_go_on(held: Lease | None) -> None:
    with pytest.raises(LeaseError, match=LOST):
        admit(Claim(HELD.holder, LATER, expects=HELD.holder), held, 0)


def test_a_rollback_takes_the_lease_that_it_names() -> None:
    admit(Claim(ME, expects=HELD.holder), HELD, HELD.until - 1)


@given(now=st.floats(0, 100), first=st.floats(1, 100), second=st.floats(1, 100), between=st.floats(0, 200))
def test_of_two_that_begin_the_second_goes_on_only_when_the_lease_of_the_first_has_run_out(
    now: float, first: float, second: float, between: float
) -> None:
    admit(one := Claim("one", now + first), None, now)
    later = now + between
    try:
        admit(Claim("two", later + second), one.leaves, later)
    except LeaseError:
        assert later < now + first
    else:
        assert later >= now + first


def update(held: Lease | None, *, preview: bool = False) -> Any:
    """The output ``lease`` of a whole program whose stack was left under the lease ``held``."""
    now = replace(held, until=time.time() + 600) if held else None
    made = run(
        import_module("stacks.local").program,
        config=configuration("local", "dev"),
        secrets=frozenset([f"{PROJECT}:hook"]),
        stack_name="dev",
        preview=preview,
        outputs=fakes("local").outputs,
        call=fakes("local").call,
        previous={"lease": json.dumps(asdict(now))} if now else {},
    )
    return read(made.outputs)


def test_a_program_leaves_the_lease_that_is_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert update(None) is None
    monkeypatch.setenv(VARIABLE, Claim(ME, LATER).encode())
    assert update(None) == Lease(ME, LATER)
    monkeypatch.setenv(VARIABLE, Claim(ME, expects=HELD.holder).encode())
    assert update(HELD) is None


def test_a_program_that_is_refused_declares_nothing_and_a_preview_is_never_refused() -> None:
    with pytest.raises(LeaseError, match=HELD.holder):
        update(HELD)
    assert update(HELD, preview=True) is None
