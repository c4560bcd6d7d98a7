"""The service by the RED method: rate, errors, duration.

Tom Wilkie's method: grafana.com/blog/2018/08/02/the-red-method-how-to-instrument-your-services.
"""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from observability.alerts import ERROR_RATIO, NEARLY_FULL, Watch
from observability.dashboards import capacity
from observability.dashboards.board import board, choice, encoded
from observability.dashboards.panels import above, below, chart, number, runbooks, stacked, units
from observability.dashboards.queries import of_release, quantile, rate
from observability.series import FAILED, PREDICTIONS, SINGLE

_REFUSED = 'status=~"4.."'


def service(watch: Watch) -> str:
    """The dashboard as JSON."""
    dashboard = board(
        "service",
        "Service",
        "Requests, errors and durations of the prediction service, by endpoint, status and release.",
        runbooks=watch.runbooks,
    ).with_variable(choice("release", watch.series.of("release_info")))
    content = {
        "Now": _now(watch),
        "Rate": _rate(watch),
        "Errors": _errors(watch),
        "Duration": _duration(watch),
        "Saturation": capacity.saturation(watch),
        "Processes": capacity.processes(watch),
    }
    return encoded(dashboard, content)


def _requests(watch: Watch, *matchers: str) -> str:
    """Requests per second of the chosen releases."""
    return of_release(watch.series, rate(watch.series, "api_requests_total", *matchers))


def _buckets(watch: Watch, *matchers: str) -> str:
    """The latency histogram of the chosen releases."""
    return of_release(watch.series, rate(watch.series, "api_request_latency_seconds_bucket", *matchers))


def _failed(watch: Watch, by: str = "") -> str:
    """The share of predictions that the service failed."""
    group = f" by ({by})" if by else ""
    failed = f"sum{group} ({_requests(watch, PREDICTIONS, FAILED)})"
    return f"{failed} / (sum{group} ({_requests(watch, PREDICTIONS)}) > 0)"


def _now(watch: Watch) -> Sequence[Builder[Panel]]:
    """One number for each question that is asked first."""
    latency = watch.slo.latency
    promised = quantile(latency.target, _buckets(watch, SINGLE))
    up = f"sum({watch.series.of('up')})"
    shed = of_release(watch.series, f"increase({watch.series.of('api_requests_shed_total')}[5m])")
    return [
        number(
            "Predictions asked for",
            "Requests for predictions per second, whatever the outcome.",
            units.RequestsPerSecond,
            f"sum({_requests(watch, PREDICTIONS)})",
        ),
        number(
            "Predictions failed",
            "The share of them that ended in a 5xx status.",
            units.PercentUnit,
            _failed(watch),
        )
        .thresholds(above(1 - watch.slo.availability.target, ERROR_RATIO))
        .links(runbooks("ErrorRatioHigh")),
        number(
            f"{latency.target:.4g} quantile",
            f"{latency.target:.2%} of single-row predictions are answered at least this fast; "
            f"{latency.threshold_seconds:g} s are promised.",
            units.Seconds,
            promised,
        )
        .thresholds(above(latency.threshold_seconds, latency.alarming_seconds))
        .links(runbooks("LatencyHigh")),
        number(
            "Fullest replica",
            "Requests under way on it, as a share of what it takes at once.",
            units.PercentUnit,
            f"max({capacity.fullness(watch)})",
        )
        .thresholds(above(NEARLY_FULL, 1))
        .links(runbooks("Saturation")),
        number(
            "Refused in five minutes",
            "Predictions refused unread with 503, because too many were under way.",
            units.Short,
            f"sum({shed})",
        )
        .thresholds(above(1))
        .links(runbooks("RequestsShed")),
        number("Replicas", "Replicas that answer their scrape.", units.Short, up)
        .thresholds(below(max(watch.replicas, 1)))
        .links(runbooks("InstanceDown", "MetricsMissing")),
    ]


def _rate(watch: Watch) -> Sequence[Builder[Panel]]:
    """How much is asked, of what and of whom."""
    return [
        stacked(
            "Requests by endpoint",
            "Everything that is answered, health checks and scrapes included.",
            units.RequestsPerSecond,
            {"{{endpoint}}": f"sum by (endpoint) ({_requests(watch)})"},
        ),
        stacked(
            "Requests by method and status",
            "The same by how it was answered.",
            units.RequestsPerSecond,
            {"{{method}} {{status}}": f"sum by (method, status) ({_requests(watch)})"},
        ),
        stacked(
            "Predictions by release",
            "Requests for predictions: how a rollout divides the traffic.",
            units.RequestsPerSecond,
            {"{{release}}": f"sum by (release) ({_requests(watch, PREDICTIONS)})"},
        ).links(runbooks("WrongRelease")),
    ]


def _errors(watch: Watch) -> Sequence[Builder[Panel]]:
    """What the service failed, and what it refused as the caller's mistake."""
    allowed = 1 - watch.slo.availability.target
    limits = above(allowed, ERROR_RATIO)
    return [
        chart(
            "Failed predictions by endpoint",
            f"The share that ended in a 5xx status; {allowed:.3%} are allowed in the long run.",
            units.PercentUnit,
            {"{{endpoint}}": _failed(watch, "endpoint")},
        )
        .thresholds(limits)
        .links(runbooks("ErrorRatioHigh", "AvailabilityBudgetBurnFast")),
        chart(
            "Failed predictions by release",
            "The same by release: a bad candidate stands out from the stable release.",
            units.PercentUnit,
            {"{{release}}": _failed(watch, "release")},
        )
        .thresholds(limits)
        .links(runbooks("ErrorRatioHigh")),
        chart(
            "Refused by status",
            "Requests answered 4xx per second: bad input, unknown paths, too large bodies. They spend no budget.",
            units.RequestsPerSecond,
            {"{{endpoint}} {{status}}": f"sum by (endpoint, status) ({_requests(watch, _REFUSED)})"},
        ),
    ]


def _duration(watch: Watch) -> Sequence[Builder[Panel]]:
    """How long answers take, from the end of the request's headers."""
    latency = watch.slo.latency
    limits = above(latency.threshold_seconds, latency.alarming_seconds)
    shares = sorted({0.5, 0.9, latency.target})
    single, every = _buckets(watch, SINGLE), _buckets(watch, PREDICTIONS)
    return [
        chart(
            "Single-row predictions",
            f"Quantiles; {latency.target:.2%} are to be answered within {latency.threshold_seconds:g} s. "
            "Estimated within the histogram's buckets.",
            units.Seconds,
            {f"{share:.4g} quantile": quantile(share, single) for share in shares},
        )
        .thresholds(limits)
        .links(runbooks("LatencyHigh", "LatencyBudgetBurnFast")),
        chart(
            f"{latency.target:.4g} quantile by release",
            "Single-row predictions of each release.",
            units.Seconds,
            {"{{release}}": quantile(latency.target, single, "release")},
        )
        .thresholds(limits)
        .links(runbooks("LatencyHigh")),
        chart(
            f"{latency.target:.4g} quantile by endpoint",
            "Batches take as long as their rows need; nothing is promised for them.",
            units.Seconds,
            {"{{endpoint}}": quantile(latency.target, every, "endpoint")},
        ),
    ]
