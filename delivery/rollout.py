"""Takes a release into a stack, step by step, or back; what happens next is always read from what the stack serves."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any

from pulumi.automation import errors

from delivery.stack import LostError, Stack, UpdateError
from delivery.steps import Deployed, Serving, next_move, way_back
from delivery.unit import DeliveryError, RefusedError
from delivery.watch import Pace, Read, watch
from observability.slo import Slo
from stacks import lease
from stacks.lease import Claim, Lease

UPDATE_SECONDS = 1800
"""How long an update may take under a lease; the clouds' own limits are below it."""
Say = Callable[[str], None]


class StoppedError(DeliveryError):
    """Somebody pressed Ctrl-C or cancelled the run."""


class Stop:
    """Ctrl-C and SIGTERM, which end a pause at once and let an update come to its end; a second one ends everything."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    @contextlib.contextmanager
    def listening(self) -> Generator[None]:
        """Until then signals do what they always do."""
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, _number: int, _frame: Any) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()

    @property
    def asked(self) -> bool:
        """Whether there was one."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> None:
        """Pause; raises StoppedError if there is or was one."""
        if self._asked.wait(seconds):
            raise StoppedError("stopped")


class Rollout:
    """One driver of ``stack``, known by its lease. Every method raises DeliveryError, one line that says why."""

    def __init__(self, stack: Stack, stop: Stop, say: Say) -> None:
        self._stack, self._stop, self._say = stack, stop, say
        self._holder = f"{getpass.getuser()}@{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex[:8]}"
        self._held: Lease | None = None

    def to(
        self,
        target: Deployed,
        steps: Sequence[int],
        read: Callable[[Deployed, Deployed], Read],
        slo: Slo,
        pace: Pace,
    ) -> None:
        """Take ``target`` through ``steps``; ``read`` gives the counts of a candidate and a stable release.

        Raises RefusedError where the candidate was found bad and the traffic is back with the stable release, HeldError
        where there is too little to judge by, and the traffic stays.
        """
        now = self._begin(target, steps, pace)
        try:
            while move := next_move(now, target, steps):
                if move.judged and now.candidate:
                    self._say(f"watching {now.candidate.id} at {now.weight} % for {pace.bake} s")
                    verdict = watch(
                        read(now.candidate, now.stable), slo, pace,
                        clock=time.monotonic, wait=self._pause, say=self._say,
                    )  # fmt: skip
                    if verdict.decision == "back":
                        self._go_back(now, verdict.told("back"))
                self._stop.wait(0)
                self._say(f"{now} → {move.after}")
                last = next_move(move.after, target, steps) is None
                self._move(now, move.after, None if last else self._until(pace))
                now = move.after
            self._say(f"done: {self._stack.name} serves {now}")
        finally:
            self._end()

    def back(self) -> None:
        """Take the candidate's traffic, or go back behind the last promotion, whoever is at work on the stack."""
        taken = lease.read(self._stack.outputs())
        if taken and time.time() < taken.until:
            self._say(f"taking the stack from {taken}")
        now = self._stack.serving()
        after = way_back(now, None if now.weight else self._stack.previous())
        if after is None:
            raise DeliveryError(f"no way back: {self._stack.name} serves {now}, and nothing before it is known")
        self._say(f"{now} → {after}")
        self._update(after, Claim(self._holder, expects=taken.holder if taken else None))
        self._say(f"done: {self._stack.name} serves {after}")

    def _begin(self, target: Deployed, steps: Sequence[int], pace: Pace) -> Serving:
        """Take the lease with a first update, and give what the stack serves after it.

        It moves no traffic. Where the candidate is to be replaced, that is this update: one that was given up is not
        deployed again, as its state may be unknown, and Azure does not go back to it.
        """
        now = self._stack.serving()
        self._say(f"{self._stack.name} serves {now}")
        move = next_move(now, target, steps)
        first = move.after if move and not now.weight and not move.after.weight else now
        if first != now:
            self._say(f"{now} → {first}")
        claim = Claim(self._holder, self._until(pace))
        try:
            self._update(first, claim)
        except UpdateError as error:
            if self._stop.asked:
                raise StoppedError(f"stopped during an update: {error}") from error
            raise RefusedError(str(error)) from error
        self._held = claim.leaves
        return first

    def _update(self, wanted: Serving, claim: Claim) -> None:
        """A first update, which may find what a dead rollout left; that is compared with the cloud."""
        try:
            self._stack.update(wanted, claim, refresh=self._stack.repair())
        except errors.ConcurrentUpdateError as locked:
            self._stack.unlock(locked, time.time())
            self._stack.repair()
            self._stack.update(wanted, claim, refresh=True)

    def _until(self, pace: Pace) -> float:
        """When a lease runs out: after the update that leaves it, the step that follows and the update after that."""
        return time.time() + pace.longest + 2 * UPDATE_SECONDS

    def _move(self, now: Serving, after: Serving, until: float | None) -> None:
        """Update, and where that fails while callers may meet the candidate, take its traffic."""
        claim = Claim(self._holder, until, expects=self._holder)
        try:
            self._stack.update(after, claim)
        except errors.ConcurrentUpdateError as error:
            raise LostError(f"{self._stack.name} is being updated by somebody else; this rollout ends") from error
        except UpdateError as error:
            if self._stop.asked:
                raise StoppedError(f"stopped during an update: {error}") from error
            if now.weight or after.weight:
                self._go_back(now, str(error))
            raise RefusedError(str(error)) from error
        self._held = claim.leaves

    def _pause(self, seconds: float) -> None:
        """Wait for the next look; raises StoppedError, or LostError where somebody took the stack meanwhile."""
        self._stop.wait(seconds)
        if lease.read(self._stack.outputs()) != self._held:
            self._held = None
            raise LostError(lease.LOST)

    def _go_back(self, now: Serving, reason: str) -> None:
        """Give the stable release all the traffic, and say why."""
        self._say(f"taking the traffic back: {reason}")
        self._stack.update(replace(now, weight=0), Claim(self._holder, expects=self._holder))
        self._held = None
        raise RefusedError(f"{now.candidate.id if now.candidate else ''} at {now.weight} %: {reason}")

    def _end(self) -> None:
        """Give the lease back, so that nobody waits for a rollout that has ended."""
        if self._held:
            self._stack.release(self._held)
            self._held = None
