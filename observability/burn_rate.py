"""Multi-window, multi-burn-rate alerts: the budget's spending judged over a long window, confirmed by a short one.

The windows and rates are those of "The Site Reliability Workbook", chapter 5, "6: Multiwindow, Multi-Burn-Rate Alerts"
(sre.google/workbook/alerting-on-slos): a page when 2 % of a month's budget goes in an hour or 5 % in six, a ticket when
10 % goes in three days; the ticket for 10 % in one day is added, since three are long to wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from observability.rules import RecordingRule, Severity


class Burn(NamedTuple):
    """``share`` of the budget spent within ``window``, which must still be going on in ``confirmation``."""

    severity: Severity
    share: float
    window: str
    hours: int
    confirmation: str


BURNS = (
    Burn("page", 0.02, "1h", 1, "5m"),
    Burn("page", 0.05, "6h", 6, "30m"),
    Burn("ticket", 0.10, "1d", 24, "2h"),
    Burn("ticket", 0.10, "3d", 72, "6h"),
)
WINDOWS = tuple(sorted({window for burn in BURNS for window in (burn.window, burn.confirmation)}))


def recorded(objective: str, window: str) -> str:
    """The name under which the share of bad events of an objective is recorded for a window."""
    return f"service:{objective}_errors:ratio_{window}"


def counted(objective: str, window: str) -> str:
    """The name under which the number of an objective's events is recorded for a window."""
    return f"service:{objective}_events:increase_{window}"


def recordings(
    objective: str, bad_share: Callable[[str], str], events: Callable[[str], str]
) -> tuple[RecordingRule, ...]:
    """The share of bad events and the number of events in each window.

    ``bad_share`` gives the expression for the share, ``events`` the one for the number, both of a window.
    """
    return tuple(
        rule
        for window in WINDOWS
        for rule in (
            RecordingRule(record=recorded(objective, window), expr=bad_share(window)),
            RecordingRule(record=counted(objective, window), expr=events(window)),
        )
    )


def condition(objective: str, target: float, window_days: int, severity: Severity, minimum: int) -> str:
    """Whether the budget of an objective burns fast enough for an alert of ``severity``.

    Windows with fewer than ``minimum`` events are not judged.
    """
    parts: list[str] = []
    for burn in (burn for burn in BURNS if burn.severity == severity):
        limit = f"{rate(burn, window_days) * (1 - target):.6g}"
        parts.append(
            f"({recorded(objective, burn.window)} > {limit} and {recorded(objective, burn.confirmation)} > {limit} "
            f"and {counted(objective, burn.window)} >= {minimum})"
        )
    return " or ".join(parts)


def rate(burn: Burn, window_days: int) -> float:
    """How many times faster than evenly the budget of ``window_days`` is spent when ``burn`` is reached."""
    return burn.share * window_days * 24 / burn.hours
