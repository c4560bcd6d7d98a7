"""The objectives as rules: what is recorded for them, and the alerts on what they promise."""

from __future__ import annotations

from collections.abc import Callable

from observability import burn_rate
from observability.rules import AlertRule, RecordingRule, Severity
from observability.series import Series
from observability.slo import Slo

FEATURE_DRIFT = "service:feature_drift:psi"
"""The recorded population stability index of each ``feature`` and model ``version``."""
PREDICTION_DRIFT = "service:prediction_drift:psi"
"""That of each ``version``'s predictions."""
Alert = Callable[[str, Severity, int, str, str, str], AlertRule]
"""Makes an alert of its name, severity, hold in seconds, expression, summary and description."""


def recordings(slo: Slo, series: Series) -> tuple[RecordingRule, ...]:
    """The drift, then the share of bad events and the number of events of each objective."""
    quality = slo.quality
    feature = series.psi("model_feature_bin_total", "model_feature_bin_expected", "version, feature", quality)
    prediction = series.psi("model_prediction_bin_total", "model_prediction_bin_expected", "version", quality)
    return (
        RecordingRule(record=FEATURE_DRIFT, expr=feature),
        RecordingRule(record=PREDICTION_DRIFT, expr=prediction),
        *burn_rate.recordings(
            "availability",
            lambda window: f"{series.errors(window)} / ({series.requests(window)} > 0)",
            series.requests,
        ),
        *burn_rate.recordings(
            "latency",
            lambda window: f"1 - {series.fast(slo, window)} / ({series.timed(window)} > 0)",
            series.timed,
        ),
    )


def budgets(slo: Slo, alert: Alert) -> list[AlertRule]:
    """The error budgets of availability and latency, burning fast or slowly."""
    promised = (
        ("Availability", slo.availability.target, "answered without a server error"),
        ("Latency", slo.latency.target, f"answered within {slo.latency.threshold_seconds:g} s"),
    )
    speeds: tuple[tuple[Severity, str, int], ...] = (("page", "Fast", 120), ("ticket", "Slow", 900))
    return [
        alert(
            f"{objective}BudgetBurn{speed}",
            severity,
            hold,
            burn_rate.condition(objective.lower(), target, slo.window_days, severity, slo.minimum_requests),
            f"The {objective.lower()} budget burns {'fast' if speed == 'Fast' else 'steadily'}",
            f"{target:.3%} of predictions are to be {meaning} over {slo.window_days} days; "
            "{{ $value | humanizePercentage }} were not in the alert's long window.",
        )
        for objective, target, meaning in promised
        for severity, speed, hold in speeds
    ]


def drift(slo: Slo, alert: Alert) -> list[AlertRule]:
    """Features and predictions that are no longer distributed as in training, and how long they are not."""
    quality, budget = slo.quality, burn_rate.BURNS[2]
    limit = burn_rate.rate(budget, slo.window_days) * (1 - quality.target)
    drifted = f"avg_over_time(({PREDICTION_DRIFT} > bool {quality.psi_limit:g})[{budget.window}:5m])"
    return [
        alert(
            "FeatureDrift",
            "ticket",
            900,
            f"{FEATURE_DRIFT} > {quality.psi_limit:g}",
            "A feature is no longer distributed as in training",
            "{{ $labels.feature }} of model {{ $labels.version }}: population stability index "
            f"{{{{ $value | humanize }}}} over {quality.window}; {quality.psi_limit:g} is the limit.",
        ),
        alert(
            "PredictionDrift",
            "ticket",
            900,
            f"{PREDICTION_DRIFT} > {quality.psi_limit:g}",
            "Predictions are no longer distributed as in training",
            "Model {{ $labels.version }}: population stability index of the predictions "
            f"{{{{ $value | humanize }}}} over {quality.window}; {quality.psi_limit:g} is the limit.",
        ),
        alert(
            "QualityBudgetBurn",
            "page",
            900,
            f"{drifted} > {limit:g}",
            "The quality budget burns",
            f"Predictions are to be distributed as in training {quality.target:.1%} of the time over "
            f"{slo.window_days} days; in {{{{ $value | humanizePercentage }}}} of the last day they were not.",
        ),
    ]
