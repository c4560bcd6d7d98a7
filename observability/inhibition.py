"""Which alerts are not sent while another one says more: Alertmanager's inhibition rules as plain data.

Form: prometheus.io/docs/alerting/latest/configuration/#inhibit_rule. Whoever evaluates alerts with an Alertmanager
(managed or not) takes these; labels that both alerts lack count as equal.
"""

from __future__ import annotations

from typing import TypedDict


class Inhibition(TypedDict):
    """While an alert that matches ``source_matchers`` fires, those that match ``target_matchers`` are not sent, if the
    two have the same values of the labels ``equal``.
    """

    source_matchers: list[str]
    target_matchers: list[str]
    equal: list[str]


_OF_ONE_SERVICE = ["service"]


def _silences(source: str, target: str) -> Inhibition:
    """The alerts whose names match ``source`` silence those whose names match ``target``, both of one service."""
    return Inhibition(
        source_matchers=[f'alertname=~"{source}"'], target_matchers=[f'alertname=~"{target}"'], equal=_OF_ONE_SERVICE
    )


INHIBITIONS: tuple[Inhibition, ...] = (
    # What is down answers late or not at all. The budgets are never silenced by it: what callers were promised is
    # judged whatever the cause.
    _silences("InstanceDown|MetricsMissing|CrashLooping", "LatencyHigh|ErrorRatioHigh"),
    # Somebody was woken for the objective already.
    _silences("AvailabilityBudgetBurnFast", "AvailabilityBudgetBurnSlow"),
    _silences("LatencyBudgetBurnFast", "LatencyBudgetBurnSlow"),
    _silences("QualityBudgetBurn", "PredictionDrift"),
)
