"""The objectives: what is promised, what was kept, what is left of the error budget and how fast it burns.

All of it is read from what the rules record, so a look at a month costs no more than one at an hour.
"""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.builders.statetimeline import Panel as StateTimeline
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from observability import burn_rate
from observability.alerts import Watch
from observability.dashboards.board import board, encoded
from observability.dashboards.panels import above, below, chart, number, runbooks, states, units
from observability.objectives import PREDICTION_DRIFT

_QUARTER, _HALF = 6, 12  # of the 24 columns
_STEP = "5m"
"""The shortest window that is recorded: one after the other they make up any longer one."""


def objectives(watch: Watch) -> str:
    """The dashboard as JSON."""
    slo = watch.slo
    dashboard = board(
        "objectives",
        "Objectives and error budgets",
        f"What the service promises over {slo.window_days} days, and what is left of it.",
        runbooks=watch.runbooks,
        span="now-7d",
    )
    latency = f"answered within {slo.latency.threshold_seconds:g} s"
    content = {
        "Alerts": [_alerts()],
        "Availability": _requests(watch, "Availability", slo.availability.target, "answered without a server error"),
        "Latency": _requests(watch, "Latency", slo.latency.target, latency),
        "Quality": _quality(watch),
    }
    return encoded(dashboard, content)


def _alerts() -> StateTimeline:
    """What fires."""
    return states(
        "Firing alerts",
        "Each alert of the service while it fires; its runbook has the same name.",
        {"{{alertname}} ({{severity}})": 'max by (alertname, severity) (ALERTS{alertstate="firing"})'},
    )


def _requests(watch: Watch, objective: str, target: float, promise: str) -> Sequence[Builder[Panel]]:
    """The panels of an objective about requests, of which ``promise`` is said."""
    name, days = objective.lower(), watch.slo.window_days
    events = burn_rate.counted(name, _STEP)
    bad = f"sum_over_time(({burn_rate.recorded(name, _STEP)} * {events})[{days}d:{_STEP}])"
    share = f"{bad} / (sum_over_time({events}[{days}d:{_STEP}]) > 0)"
    burns = {window: f"{burn_rate.recorded(name, window)} / {1 - target:.6g}" for window in burn_rate.WINDOWS}
    return [
        *_numbers(watch, objective, target, f"of predictions are to be {promise}", share),
        number(
            "Predictions",
            f"What the objective was judged by in {days} days.",
            units.Short,
            f"sum_over_time({events}[{days}d:{_STEP}])",
        ).span(_QUARTER),
        _burns(watch, burns, f"{objective}BudgetBurnFast", f"{objective}BudgetBurnSlow"),
        _left(watch, target, share),
    ]


def _quality(watch: Watch) -> Sequence[Builder[Panel]]:
    """The panels of the objective about the distribution of predictions, for each version of the model."""
    quality, days = watch.slo.quality, watch.slo.window_days
    drifted = f"({PREDICTION_DRIFT} > bool {quality.psi_limit:g})"
    promise = f"of the time predictions are to be distributed as in training (index below {quality.psi_limit:g})"
    share = f"avg_over_time({drifted}[{days}d:{_STEP}])"
    windows = {burn.window for burn in burn_rate.BURNS if burn.hours >= 24}
    burns = {
        f"{window} {{{{version}}}}": f"avg_over_time({drifted}[{window}:5m]) / {1 - quality.target:.6g}"
        for window in sorted(windows)
    }
    return [
        *_numbers(watch, "Quality", quality.target, promise, share),
        number(
            "Drift of the predictions",
            f"The population stability index of {quality.window}.",
            units.Short,
            PREDICTION_DRIFT,
            "{{version}}",
        )
        .span(_QUARTER)
        .thresholds(above(quality.psi_limit / 2, quality.psi_limit))
        .links(runbooks("PredictionDrift")),
        _burns(watch, burns, "QualityBudgetBurn"),
        _left(watch, quality.target, share),
    ]


def _numbers(watch: Watch, objective: str, target: float, promise: str, share: str) -> Sequence[Builder[Panel]]:
    """Target, compliance and budget of an objective, ``share`` being that of what was bad."""
    days = watch.slo.window_days
    return [
        number(f"{objective}: target", f"{target:.3%} {promise}.", units.PercentUnit, f"vector({target:g})")
        .span(_QUARTER)
        .decimals(3),
        number(f"Kept over {days} days", "The share that was good.", units.PercentUnit, f"1 - {share}", "{{version}}")
        .span(_QUARTER)
        .decimals(3)
        .thresholds(below(target)),
        number(
            "Budget left",
            f"Of the {1 - target:.3%} that may be bad in {days} days. Below zero the objective is missed. "
            "Brought up to date every five minutes.",
            units.PercentUnit,
            _budget(target, share),
            "{{version}}",
        )
        .span(_QUARTER)
        .thresholds(_limits()),
    ]


def _left(watch: Watch, target: float, share: str) -> Builder[Panel]:
    """The budget over time."""
    return (
        chart(
            "Budget left",
            f"Of {watch.slo.window_days} days, looking back from each moment. What was spent comes back as its day "
            "leaves the window.",
            units.PercentUnit,
            {"left {{version}}": _budget(target, share)},
        )
        .span(_HALF)
        .thresholds(_limits())
        .max_data_points(200)  # each looks back over the whole window
    )


def _burns(watch: Watch, queries: dict[str, str], *alerts: str) -> Builder[Panel]:
    """How many times faster than evenly the budget is spent, by the window it is judged over."""
    rates = sorted(burn_rate.rate(burn, watch.slo.window_days) for burn in burn_rate.BURNS)
    return (
        chart(
            "Burn rate by window",
            "1 spends the budget in exactly its window. The alerts' rates are "
            + ", ".join(
                f"{burn_rate.rate(burn, watch.slo.window_days):.3g} over {burn.window}" for burn in burn_rate.BURNS
            )
            + ".",
            units.Short,
            queries,
        )
        .span(_HALF)
        .thresholds(above(rates[0], rates[-1]))
        .links(runbooks(*alerts))
    )


def _budget(target: float, share: str) -> str:
    """What is left of the budget, 1 being all of it."""
    return f"1 - ({share}) / {1 - target:.6g}"


def _limits() -> ThresholdsConfig:
    """Poor where less than a quarter of a budget is left, bad where nothing is."""
    return below(0.25, 0)
