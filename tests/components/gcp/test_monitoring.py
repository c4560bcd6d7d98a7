from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from components.spec import MonitoringSpec, Receiver, UnsupportedError
from observability.rules import AlertRule, RecordingRule, Rules, Severity
from tests.components.harness import Registered, Run, Secret

Build = Callable[..., Run]


def rule(name: str, expr: str, severity: Severity) -> AlertRule:
    return AlertRule(
        name=name,
        expr=expr,
        hold_seconds=300,
        severity=severity,
        summary=f"summary of {name}",
        description=f"description of {name}",
        runbook=f"https://example.org/{name}",
    )


RULES = Rules(
    recordings=(RecordingRule(record="service:errors:ratio5m", expr="sum(rate(errors[5m])) / sum(rate(all[5m]))"),),
    alerts=(rule("Errors", "service:errors:ratio5m > 0.01", "page"), rule("Drift", "psi > 0.2", "ticket")),
)
RECEIVERS = (
    Receiver(name="oncall", kind="pagerduty", address="a-key", severities=("page",)),
    Receiver(name="team", kind="email", address="team@example.org", severities=("ticket",)),
)


def policy(run: Run, name: str) -> dict[str, Any]:
    return run.one("AlertPolicy", name).inputs


def condition(run: Run, name: str) -> dict[str, Any]:
    (found,) = policy(run, name)["conditions"]
    return found["conditionPrometheusQueryLanguage"]


def channel(run: Run, name: str) -> Registered:
    return run.one("NotificationChannel", name)


def test_every_rule_is_a_promql_policy_with_its_recordings_inlined(build: Build) -> None:
    run = build(monitoring=MonitoringSpec(rules=RULES))
    errors = condition(run, "Errors")
    assert errors["query"] == "(sum(rate(errors[5m])) / sum(rate(all[5m]))) > 0.01"
    assert (errors["duration"], errors["alertRule"]) == ("300s", "Errors")
    # A policy may be made before the first sample of its metric is written.
    assert errors["disableMetricValidation"] is True
    assert "https://example.org/Errors" in policy(run, "Errors")["documentation"]["content"]
    assert condition(run, "Drift")["query"] == "psi > 0.2"


def test_each_severity_goes_to_the_receivers_that_asked_for_it(build: Build) -> None:
    run = build(monitoring=MonitoringSpec(rules=RULES, receivers=RECEIVERS))
    assert (policy(run, "Errors")["severity"], policy(run, "Drift")["severity"]) == ("CRITICAL", "WARNING")
    assert policy(run, "Errors")["notificationChannels"] == ["monitoring-oncall-name"]
    assert policy(run, "Drift")["notificationChannels"] == ["monitoring-team-name"]


@pytest.mark.parametrize(
    ("kind", "type_", "label"),
    [
        ("email", "email", {"email_address": "where"}),
        ("webhook", "webhook_tokenauth", Secret({"url": "where"})),
        (
            "opsgenie",
            "webhook_tokenauth",
            Secret({"url": "https://api.opsgenie.com/v1/json/googlestackdriver?apiKey=where"}),
        ),
    ],
)
def test_a_receiver_becomes_a_channel(build: Build, kind: Any, type_: str, label: Any) -> None:
    run = build(monitoring=MonitoringSpec(receivers=(Receiver(name="some", kind=kind, address="where"),)))
    assert channel(run, "some").inputs["type"] == type_
    assert channel(run, "some").inputs["labels"] == label


def test_the_key_of_pagerduty_is_a_sensitive_label(build: Build) -> None:
    run = build(monitoring=MonitoringSpec(receivers=RECEIVERS))
    assert channel(run, "oncall").inputs["type"] == "pagerduty"
    assert channel(run, "oncall").inputs["sensitiveLabels"] == Secret({"serviceKey": "a-key"})


def test_slack_is_refused_with_a_way_out(build: Build) -> None:
    slack = Receiver(name="chat", kind="slack", address="https://hooks.example.org/x")
    with pytest.raises(UnsupportedError, match=r"gcp cannot do receiver 'chat' of kind slack; .*use email"):
        build(monitoring=MonitoringSpec(receivers=(slack,)))


def test_what_prometheus_cannot_see_has_policies_on_cloud_runs_own_metrics(build: Build) -> None:
    run = build()
    service = run.one("cloudrunv2/service:Service").inputs["name"]
    for name in ("ingress-errors", "no-instance"):
        assert f'service_name="{service}"' in condition(run, name)["query"]
    assert 'result="failed"' in condition(run, "training-failed")["query"]
    failed = policy(run, "instance-failed")
    assert f'resource.labels.service_name="{service}"' in failed["conditions"][0]["conditionMatchedLog"]["filter"]
    # Cloud Monitoring demands a limit beside a condition on logs and refuses it beside any other.
    limited = [p.name for p in run.of("AlertPolicy") if "notificationRateLimit" in p.inputs["alertStrategy"]]
    assert limited == ["monitoring-instance-failed"]


def test_the_dashboard_shows_this_service(build: Build) -> None:
    run = build()
    service = run.one("cloudrunv2/service:Service").inputs["name"]
    tiles = json.loads(run.one("Dashboard").inputs["dashboardJson"])["mosaicLayout"]["tiles"]
    queries = [
        data["timeSeriesQuery"]["prometheusQuery"] for tile in tiles for data in tile["widget"]["xyChart"]["dataSets"]
    ]
    assert len(queries) == len(tiles) == 6
    assert [query for query in queries if "up{" in query and "sum by (revision_name)" in query]
    assert all(service in query for query in queries)
    assert len({(tile["xPos"], tile["yPos"]) for tile in tiles}) == len(tiles)
    assert all(tile["xPos"] + tile["width"] <= 48 for tile in tiles)


def test_logs_are_kept_as_long_as_asked_for_and_collected_from_service_and_job(build: Build) -> None:
    run = build(monitoring=MonitoringSpec(log_retention_days=90))
    bucket, sink = run.one("ProjectBucketConfig").inputs, run.one("ProjectSink").inputs
    assert bucket["retentionDays"] == 90
    assert sink["destination"] == "logging.googleapis.com/telemetry-id"
    assert run.one("cloudrunv2/service:Service").inputs["name"] in sink["filter"]
    assert "cloud_run_job" in sink["filter"]
