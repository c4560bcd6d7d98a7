"""Watching a candidate at one share of the traffic until it is found good or bad, or patience ends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from delivery.judge import Counts, Verdict, judge
from delivery.prometheus import PrometheusError
from delivery.unit import DeliveryError
from observability.slo import Slo

Read = Callable[[int], tuple[Counts, Counts]]
"""The candidate's and the stable release's counts of so many last seconds."""


class HeldError(DeliveryError):
    """Nothing is known to be wrong and too little to go on; the traffic stays as it is."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How a step is watched, in seconds: at least ``bake``, then at most ``patience`` more for the samples that are
    still wanted, with a look every ``pause``. ``significance`` is that of `judge`, over a whole step.
    """

    bake: int = 600
    patience: int = 3600
    pause: int = 30
    significance: float = 0.01

    def __post_init__(self) -> None:
        for name, least in (("bake", 1), ("patience", 0), ("pause", 1)):
            if (value := getattr(self, name)) < least:
                raise DeliveryError(f"--{name} {value}: use {least} second or more")
        if not 0 < self.significance < 0.5:
            raise DeliveryError(f"--significance {self.significance}: use a chance above 0 and below 0.5, as in 0.01")

    @property
    def longest(self) -> int:
        """How long a step may take."""
        return self.bake + self.patience

    @property
    def looks(self) -> int:
        """How many times a step is judged at most."""
        return math.ceil(self.longest / self.pause) + 1


def watch(
    read: Read,
    slo: Slo,
    pace: Pace,
    *,
    clock: Callable[[], float],
    wait: Callable[[float], None],
    say: Callable[[str], None],
) -> Verdict:
    """The verdict that ends a step: to promote or to go back. ``clock`` and ``wait`` are in seconds.

    What is plainly bad is told at the next look, before the bake time is over. Raises HeldError where there are too few
    samples, or no answer, in the end; whatever ``wait`` raises ends the watch.
    """
    began, last = clock(), ""
    while True:
        wait(pace.pause)
        elapsed = clock() - began
        try:
            verdict = judge(*read(max(math.ceil(elapsed), 1)), slo, significance=pace.significance, looks=pace.looks)
            decision, open_ = verdict.decision, verdict.told("wait")
            lines = [finding.text for finding in verdict.findings]
        except PrometheusError as error:
            verdict, decision, open_ = None, "wait", str(error)
            lines = [open_]
        head = f"{elapsed:.0f} of {pace.bake} s"
        for line in lines:
            say(f"  {head}  {line}")
        last = open_ or last
        if verdict and (decision == "back" or (decision == "promote" and elapsed >= pace.bake)):
            return verdict
        if elapsed >= pace.longest:
            raise HeldError(f"not decided within {pace.longest} s: {last}")
