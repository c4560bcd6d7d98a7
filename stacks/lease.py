"""Who moves a stack's traffic: a lease that the stack itself keeps, as its output ``lease``.

Pulumi's own lock is held for one update; a rollout is many, with pauses in which the candidate is watched. Each of its
updates says until when nobody else may update, so that a rollout that dies blocks the stack for a bounded time. The
check stands in the program, which runs under Pulumi's lock: of two that begin at once, the second is refused.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pulumi

VARIABLE = "MLPLATFORM_LEASE"
"""How a rollout gives its claim to the program; it is no setting of the stack."""
LOST = "the lease of this rollout is gone; somebody took the stack over"


class LeaseError(pulumi.RunError):
    """A stack that somebody else is rolling out to."""


@dataclass(frozen=True)
class Lease:
    """``holder`` names a rollout and where it runs; ``until`` is in seconds since 1970."""

    holder: str
    until: float

    def __str__(self) -> str:
        return f"{self.holder} until {datetime.fromtimestamp(self.until, UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True)
class Claim:
    """Who updates, the time until which others are kept away after it (None ends a lease), and whose lease there must
    be: the claimant's own to go on, another's to take the stack over, None to begin.
    """

    holder: str
    until: float | None = None
    expects: str | None = None

    @property
    def leaves(self) -> Lease | None:
        """The lease after the update."""
        return Lease(self.holder, self.until) if self.until is not None else None

    def encode(self) -> str:
        """The claim as `VARIABLE` holds it."""
        return json.dumps(asdict(self))


def read(outputs: Mapping[str, Any]) -> Lease | None:
    """The lease among a stack's outputs, run out or not."""
    found = outputs.get("lease")
    return Lease(**json.loads(found)) if found else None


def admit(claim: Claim | None, held: Lease | None, now: float) -> None:
    """Let an update go on at the time ``now``, in seconds; raises LeaseError where ``held`` forbids it."""
    if claim and claim.expects:
        if held is None or held.holder != claim.expects:
            raise LeaseError(LOST)
    elif held and now < held.until:
        raise LeaseError(
            f"this stack is being rolled out by {held}; wait, or end it with make rollback (docs/delivery.md)"
        )


def claimed() -> Claim | None:
    """The claim of this process, None for an update by hand."""
    given = os.environ.get(VARIABLE)
    return Claim(**json.loads(given)) if given else None


def left() -> str | None:
    """The output ``lease`` of this update; None where it leaves none."""
    claim = claimed()
    return json.dumps(asdict(claim.leaves)) if claim and claim.leaves else None
