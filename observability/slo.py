"""What the service promises: the one source of histogram buckets, rules, alerts and dashboards.

Objectives are shares of good events over a rolling window; what is left over is the error budget (Beyer et al., "The
Site Reliability Workbook", O'Reilly 2018, chapters 2 and 5, sre.google/workbook).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_GRID_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""The bounds that the service has by default (`LATENCY_BUCKETS`)."""


class SloError(ValueError):
    """An objective that cannot be meant; the message names the field, the value and the remedy."""


@dataclass(frozen=True, kw_only=True)
class Availability:
    """``target``: the share of prediction requests that are not answered with a 5xx status."""

    target: float = 0.999

    def __post_init__(self) -> None:
        _require_share("availability.target", self.target)


@dataclass(frozen=True, kw_only=True)
class Latency:
    """``target``: the share of single-row predictions answered within ``threshold_seconds`` of their last header."""

    target: float = 0.99
    threshold_seconds: float = 0.1

    def __post_init__(self) -> None:
        _require_share("latency.target", self.target)
        if not 0.001 <= self.threshold_seconds <= 10:
            raise SloError(f"slo.latency.thresholdSeconds is {self.threshold_seconds}: use 0.001 to 10 seconds")

    @property
    def alarming_seconds(self) -> float:
        """What the promised share of predictions takes when somebody must look at once: twice the threshold."""
        return 2 * self.threshold_seconds


@dataclass(frozen=True, kw_only=True)
class Quality:
    """``target``: the share of the time in which predictions are distributed as in training.

    They are while the population stability index of the last ``window`` stays below ``psi_limit`` (0.1 is commonly
    read as a small shift, 0.2 as a large one); it is judged from ``minimum_rows`` rows on.
    """

    target: float = 0.95
    psi_limit: float = 0.2
    window: str = "6h"
    minimum_rows: int = 500

    def __post_init__(self) -> None:
        _require_share("quality.target", self.target)
        if not 0 < self.psi_limit <= 10:
            raise SloError(f"slo.quality.psiLimit is {self.psi_limit}: use a number above 0, 0.2 by custom")
        if re.fullmatch(r"[1-9]\d*[mh]", self.window) is None:
            raise SloError(f"slo.quality.window is {self.window!r}: write minutes or hours, as in 30m or 6h")
        if self.minimum_rows < 1:
            raise SloError(f"slo.quality.minimumRows is {self.minimum_rows}: use 1 or more, 500 by default")


@dataclass(frozen=True, kw_only=True)
class Slo:
    """The objectives of one service over ``window_days``, and what else counts as unwell.

    With fewer than ``minimum_requests`` in a window no ratio of that window raises an alert: one failure among a
    handful says nothing. ``model_age_days`` is when a model counts as stale.
    """

    window_days: int = 30
    availability: Availability = field(default_factory=Availability)
    latency: Latency = field(default_factory=Latency)
    quality: Quality = field(default_factory=Quality)
    minimum_requests: int = 100
    model_age_days: int = 90

    def __post_init__(self) -> None:
        if not 7 <= self.window_days <= 90:
            raise SloError(f"slo.windowDays is {self.window_days}: use 7 to 90 days, 28 or 30 by custom")
        if self.minimum_requests < 1:
            raise SloError(f"slo.minimumRequests is {self.minimum_requests}: use 1 or more")
        if self.model_age_days < 1:
            raise SloError(f"slo.modelAgeDays is {self.model_age_days}: use 1 or more")

    @property
    def buckets(self) -> tuple[float, ...]:
        """Upper bounds of the latency histogram in seconds: a fixed grid and the objective's threshold.

        They reach beyond `Latency.alarming_seconds`: a quantile is never told to be above the last bound
        (prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile).
        """
        alarming = self.latency.alarming_seconds
        beyond = {2 * alarming} if alarming >= _GRID_SECONDS[-1] else set[float]()
        return tuple(sorted({*_GRID_SECONDS, self.latency.threshold_seconds, *beyond}))


def _require_share(name: str, value: float) -> None:
    """Refuse what is no share of good events that leaves a budget."""
    if not 0.5 <= value < 1:
        raise SloError(f"slo.{name} is {value}: use a share from 0.5 to below 1, as in 0.999; 1 leaves no budget")
