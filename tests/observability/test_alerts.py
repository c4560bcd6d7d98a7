"""Every alert fires in its incident and at no other time, as promtool computes it from series of a service."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from observability.alerts import Watch
from observability.series import Series
from observability.slo import Slo

from .conftest import DAY, INSTANCES, RELEASE, Fires, Timeline, changed, service

HOUR = 60
ONE = f'instance="{INSTANCES[0]}"'
"""Marks the series of one of the two replicas."""


def _errors(share: float, healthy: int, minutes: int) -> Timeline:
    """``share`` of the requests fail after ``healthy`` minutes."""
    bad = round(600 * share / (1 - share))
    return changed(
        service(healthy + minutes), "api_requests_total", f"0x{healthy} {bad}+{bad}x{minutes}", labels='status="500"'
    )


def _slow(share: float, healthy: int, minutes: int) -> Timeline:
    """``share`` of the requests take longer than half a second after ``healthy`` minutes."""
    good = round(600 * (1 - share))
    timeline = service(healthy + minutes)
    for bound in ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5"):
        values = f"0+600x{healthy} {600 * healthy + good}+{good}x{minutes}"
        timeline = changed(timeline, "api_request_latency_seconds_bucket", values, labels=f'le="{bound}"')
    return timeline


def _gone(timeline: Timeline, label: str, minutes: int) -> Timeline:
    """The series with ``label`` end after ``minutes``."""
    return {
        name: f"{values.rpartition('x')[0]}x{minutes} stale" if label in name else values
        for name, values in timeline.items()
    }


def _drifted(part: str, healthy: int, minutes: int) -> Timeline:
    """All rows fall into the first bin after ``healthy`` minutes."""
    timeline = service(healthy + minutes)
    first = f"0+300x{healthy} {300 * healthy}+600x{minutes}"
    second = f"0+300x{healthy} {300 * healthy}x{minutes}"
    timeline = changed(timeline, f"model_{part}_bin_total", first, labels='bin="0"')
    return changed(timeline, f"model_{part}_bin_total", second, labels='bin="1"')


INCIDENTS: dict[str, tuple[Callable[[], Timeline], int, int]] = {
    # alert → (what happens, minute at which it must fire, minutes between evaluations)
    "AvailabilityBudgetBurnFast": (lambda: _errors(0.03, HOUR, HOUR), 2 * HOUR, 1),
    "AvailabilityBudgetBurnSlow": (lambda: _errors(0.004, HOUR, DAY), DAY, 5),
    "LatencyBudgetBurnFast": (lambda: _slow(0.2, HOUR, HOUR), 2 * HOUR, 1),
    "LatencyBudgetBurnSlow": (lambda: _slow(0.04, HOUR, DAY), DAY, 5),
    "ErrorRatioHigh": (lambda: _errors(0.2, HOUR, 10), HOUR + 5, 1),
    "LatencyHigh": (lambda: _slow(0.2, HOUR, 20), HOUR + 8, 1),
    "InstanceDown": (lambda: changed(service(HOUR), "up", "1x30 0x30", labels=ONE), 33, 1),
    "MetricsMissing": (lambda: _gone(service(HOUR), ONE, 30), 45, 1),
    "CrashLooping": (
        lambda: changed(service(HOUR), "process_start_time_seconds", "0x30 1860 1920 1980 2040x20", labels=ONE),
        36,
        1,
    ),
    "ModelMissing": (lambda: _gone(service(HOUR), f'model_info{{job="service",{ONE}', 30), 40, 1),
    "ModelStale": (
        lambda: changed(service(3 * HOUR), "model_created_timestamp_seconds", f"{-91 * DAY * 60}x{3 * HOUR}"),
        2 * HOUR,
        1,
    ),
    "WrongRelease": (
        lambda: {name.replace(RELEASE, "iris-fedcba987654-fedcba987654"): v for name, v in service(HOUR).items()},
        30,
        1,
    ),
    "Saturation": (lambda: changed(service(HOUR), "api_requests_in_flight", "60x60", labels=ONE), 30, 1),
    "RequestsShed": (lambda: changed(service(HOUR), "api_requests_shed_total", "0x30 5+5x30", labels=ONE), 40, 1),
    "FeatureDrift": (lambda: _drifted("feature", 0, 2 * HOUR), HOUR, 1),
    "PredictionDrift": (lambda: _drifted("prediction", 0, 2 * HOUR), HOUR, 1),
    "QualityBudgetBurn": (lambda: _drifted("prediction", HOUR, DAY), DAY, 5),
}
ALONG = {
    # What cannot be told from its incident: a worse case of the same, or its consequence.
    "AvailabilityBudgetBurnFast": {"AvailabilityBudgetBurnSlow"},
    "LatencyBudgetBurnFast": {"LatencyHigh", "LatencyBudgetBurnSlow"},
    "LatencyBudgetBurnSlow": {"LatencyHigh"},
    "ErrorRatioHigh": {"AvailabilityBudgetBurnFast", "AvailabilityBudgetBurnSlow"},
    "LatencyHigh": {"LatencyBudgetBurnFast", "LatencyBudgetBurnSlow"},
    "QualityBudgetBurn": {"PredictionDrift"},
    "PredictionDrift": {"QualityBudgetBurn"},
}


def test_there_is_an_incident_for_every_alert() -> None:
    watch = Watch(slo=Slo(), series=Series(), replicas=2)
    assert {rule.name for rule in watch.rules().alerts} == set(INCIDENTS)


@pytest.mark.prometheus
@pytest.mark.parametrize("alert", INCIDENTS)
def test_an_alert_fires_in_its_incident_and_no_unrelated_one_does(alert: str, fires: Fires) -> None:
    incident, minute, every = INCIDENTS[alert]
    fired = fires(incident(), minute, every)
    assert alert in fired
    assert fired <= {alert, *ALONG.get(alert, ())}


@pytest.mark.prometheus
@pytest.mark.parametrize("minute", [30, DAY])
def test_nothing_fires_on_a_quiet_day(minute: int, fires: Fires) -> None:
    assert fires(service(minute + 10), minute, 5) == set()


@pytest.mark.prometheus
def test_nothing_fires_while_nobody_asks_for_predictions(fires: Fires) -> None:
    quiet = {name: f"0x{HOUR}" if "_total{" in name or "latency" in name else v for name, v in service(HOUR).items()}
    assert fires(quiet, 50) == set()


@pytest.mark.prometheus
def test_a_single_failure_among_few_requests_wakes_nobody(fires: Fires) -> None:
    few = changed(service(2 * HOUR), "api_requests_total", "0+1x10 10x110", labels='status="200"')
    few = changed(few, "api_requests_total", "0x30 1x90", labels='status="500"')
    assert fires(few, 33) == set()


@pytest.mark.prometheus
@pytest.mark.parametrize("after", [1, 4, 10, 30])
def test_nothing_fires_at_a_deployment(after: int, fires: Fires) -> None:
    old = _gone(service(HOUR), "", 32)
    new = service(HOUR, instances=("c:8001", "d:8001"), start=30)
    assert fires(old | new, 30 + after) == set()
