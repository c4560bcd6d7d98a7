from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from components.spec import MonitoringSpec, Receiver, ServiceSpec, UnsupportedError
from observability.alerts import Watch
from observability.rules import AlertRule, RecordingRule, Rules, Severity
from observability.series import Series
from observability.slo import Slo
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
        service="mlplatform-gcp-dev",
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
    assert errors["labels"] == {"severity": "page", "service": "mlplatform-gcp-dev"}
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
    assert 'service="run.googleapis.com"' in condition(run, "quota")["query"]
    for name, words in (("instance-failed", "varlog%2Fsystem"), ("agent-not-writing", "Exporting failed")):
        lines = policy(run, name)["conditions"][0]["conditionMatchedLog"]["filter"]
        assert f'resource.labels.service_name="{service}"' in lines
        assert words in lines
    # Cloud Monitoring demands a limit beside a condition on logs and refuses it beside any other.
    limited = {p.name for p in run.of("AlertPolicy") if "notificationRateLimit" in p.inputs["alertStrategy"]}
    assert limited == {"monitoring-instance-failed", "monitoring-agent-not-writing"}


def test_no_instance_at_all_is_a_page_unless_the_service_scales_to_zero(build: Build) -> None:
    found = policy(build(spec=ServiceSpec(min_replicas=1)), "no-replica")
    assert (found["severity"], found["conditions"][0]["conditionPrometheusQueryLanguage"]["duration"]) == (
        "CRITICAL",
        "300s",
    )
    to_zero = build(spec=ServiceSpec(min_replicas=0, max_replicas=1))
    assert not [found.name for found in to_zero.of("AlertPolicy") if "no-replica" in found.name]


def test_a_policy_stays_within_what_the_api_takes(build: Build) -> None:
    # cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies
    watch = Watch(slo=Slo(), series=Series(), replicas=1, service="mlplatform-gcp-prod", runbooks="https://e.org/r")
    run = build(monitoring=MonitoringSpec(rules=watch.rules(), releases=("one",)))
    for found in (policy.inputs for policy in run.of("AlertPolicy")):
        assert len(found["displayName"]) <= 512
        assert len(found["documentation"]["subject"]) <= 255
        assert len(found["documentation"]["content"].encode()) <= 10240
        assert len(found["conditions"]) <= 6
        query = found["conditions"][0].get("conditionPrometheusQueryLanguage", {})
        assert re.fullmatch(r"([A-Za-z_]\w*)?", query.get("alertRule", ""))
        assert int(query.get("evaluationInterval", "30s")[:-1]) % 30 == 0


@pytest.mark.parametrize(("hold", "every"), [(0, "30s"), (60, "30s"), (300, "90s"), (900, "300s"), (3600, "300s")])
def test_what_may_hold_long_is_evaluated_less_often(build: Build, hold: int, every: str) -> None:
    rules = Rules(alerts=(replace(rule("Slow", "up == 0", "ticket"), hold_seconds=hold),))
    assert condition(build(monitoring=MonitoringSpec(rules=rules)), "Slow")["evaluationInterval"] == every


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
