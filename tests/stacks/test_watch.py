"""One SLO object reaches every cloud: the same alerts, its thresholds in the rules, its bounds in the service."""

from __future__ import annotations

import json
import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from app import settings
from components.release import release_id
from components.spec import Cloud, Tier
from observability.alerts import Watch
from observability.rules import RELEASES
from observability.series import Series
from observability.slo import Latency, Slo
from tests.components.contract import CANDIDATE, STABLE, configuration, fakes, stack_name, stack_run, stacks
from tests.components.harness import PROJECT, UNKNOWN, Run, run
from tests.stacks.declared import declared, rule_file

every_stack = pytest.mark.parametrize(("cloud", "tier"), stacks(), ids=str)
# What Google's side-car and the agents call a deployment's series.
MATCHERS: dict[Cloud, str] = {"aws": r'job="service"', "azure": r'job="service"', "local": r'job="service"'}
GCP = r'job="service",namespace="[a-z0-9-]+"'


def replicas(cloud: Cloud, tier: Tier) -> int:
    """The least number of replicas that the stack's file asks for."""
    return configuration(cloud, tier).get(f"{PROJECT}:service", {}).get("minReplicas", 1)


def watch(cloud: Cloud, tier: Tier, slo: Slo | None = None) -> Watch:
    """What the stack is to be watched for."""
    return Watch(slo=slo or Slo(), series=Series(), replicas=replicas(cloud, tier))


def run_with(cloud: Cloud, tier: Tier, **changes: Any) -> Run:
    """The whole stack with some of its settings changed."""
    fake = fakes(cloud)
    return run(
        import_module(f"stacks.{cloud}").program,
        config=configuration(cloud, tier) | {f"{PROJECT}:{key}": value for key, value in changes.items()},
        secrets=frozenset([f"{PROJECT}:hook"]),
        stack_name=stack_name(cloud, tier),
        outputs=fake.outputs,
        call=fake.call,
    )


@every_stack
def test_every_stack_declares_every_alert_and_no_other(cloud: Cloud, tier: Tier) -> None:
    found = declared(cloud, stack_run(cloud, tier))
    asked = {alert.name: alert for alert in watch(cloud, tier).rules().alerts}
    assert set(found) == set(asked)
    assert {name: alert.severity for name, alert in found.items()} == {n: a.severity for n, a in asked.items()}
    assert {name: alert.seconds for name, alert in found.items()} == {n: a.hold_seconds for n, a in asked.items()}
    assert {alert.service for alert in found.values()} == {f"{PROJECT}-{stack_name(cloud, tier)}"}
    assert {name: alert.runbook for name, alert in found.items()} == {n: f"docs/runbooks/{n}.md" for n in asked}


def test_only_what_scales_to_zero_goes_without_the_alert_on_missing_metrics() -> None:
    lists = {(cloud, tier): set(declared(cloud, stack_run(cloud, tier))) for cloud, tier in stacks()}
    everything = set[str]().union(*lists.values())
    without = {stack: everything - found for stack, found in lists.items() if found != everything}
    to_zero = [(cloud, tier) for cloud, tier in stacks() if replicas(cloud, tier) == 0]
    assert without == {stack: {"MetricsMissing"} for stack in to_zero}
    assert {cloud for cloud, _ in set(stacks()) - set(to_zero)} == {"aws", "azure", "gcp", "local"}


@every_stack
def test_an_alert_asks_the_same_everywhere(cloud: Cloud, tier: Tier) -> None:
    rules = watch(cloud, tier).rules()
    asked = {alert.name: alert.expr for alert in (rules.inlined() if cloud == "gcp" else rules.alerts)}
    found = declared(cloud, stack_run(cloud, tier))
    for name, expr in asked.items():
        if RELEASES not in expr:
            assert re.sub(GCP, MATCHERS["aws"], found[name].expr) == expr


@every_stack
def test_the_releases_that_should_serve_stand_in_the_rules(cloud: Cloud, tier: Tier) -> None:
    found = declared(cloud, stack_run(cloud, tier, variant="candidate"))
    ids = [release_id(entry["modelVersion"], entry["image"], entry["commit"]) for entry in (STABLE, CANDIDATE)]
    assert f'release!~"{ids[0]}|{ids[1]}"' in found["WrongRelease"].expr
    assert not [name for name, alert in found.items() if RELEASES in alert.expr]


@pytest.mark.parametrize("cloud", ["azure", "gcp"])
def test_a_preview_that_cannot_know_the_release_knows_every_other_rule(cloud: Cloud) -> None:
    run = stack_run(cloud, "dev", preview=True)
    unknown = {name for name, alert in declared(cloud, run).items() if alert.expr is UNKNOWN}
    assert unknown == {"WrongRelease"}


def test_two_stacks_in_one_project_of_google_do_not_see_each_others_series() -> None:
    def namespaces(tier: Tier) -> set[str]:
        expressions = [alert.expr for alert in declared("gcp", stack_run("gcp", tier)).values()]
        selectors = [selector for expr in expressions for selector in re.findall(r"\{[^{}]*\}", expr)]
        assert all(re.match(r"\{" + GCP, selector) for selector in selectors)
        return {found for expr in expressions for found in re.findall(r'namespace="([^"]*)"', expr)}

    assert len(namespaces("dev")) == len(namespaces("prod")) == 1
    assert not namespaces("dev") & namespaces("prod")
    service = stack_run("gcp", "prod").one("cloudrunv2/service:Service").inputs["name"]
    assert namespaces("prod") == {service}


@pytest.mark.prometheus
@every_stack
def test_prometheus_understands_what_every_cloud_is_asked_for(cloud: Cloud, tier: Tier, tmp_path: Path) -> None:
    run = stack_run(cloud, tier, variant="candidate")
    rules = [{"alert": name, "expr": alert.expr} for name, alert in declared(cloud, run).items()]
    content = rule_file(cloud, run) if cloud in ("aws", "local") else {"groups": [{"name": "all", "rules": rules}]}
    (tmp_path / "rules.yml").write_text(json.dumps(content))
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


OBJECTIVES = {
    "windowDays": 28,
    "availability": {"target": 0.995},
    "latency": {"target": 0.95, "thresholdSeconds": 0.1234567},
    "quality": {"target": 0.9, "psiLimit": 0.3, "window": "2h", "minimumRows": 50},
    "minimumRequests": 7,
    "modelAgeDays": 30,
}


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp", "local"])
def test_objectives_of_the_configuration_reach_the_rules_and_the_services_buckets(cloud: Cloud) -> None:
    run = run_with(cloud, "dev", monitoring={"slo": OBJECTIVES, "runbooks": "https://git.example.org/runbooks"})
    found = declared(cloud, run)
    assert "> 0.3" in found["PredictionDrift"].expr
    assert f"> {30 * 24 * 3600}" in found["ModelStale"].expr
    assert f"> {2 * 0.1234567:g}" in found["LatencyHigh"].expr
    assert ">= 7" in found["AvailabilityBudgetBurnFast"].expr
    assert f"{14.4 / 30 * 28 * 0.005:.6g}" in found["AvailabilityBudgetBurnFast"].expr
    assert found["ModelStale"].runbook == "https://git.example.org/runbooks/ModelStale.md"
    (service,) = fakes(cloud).services(run)
    bounds = service.env["LATENCY_BUCKETS"]
    assert "0.123457" in bounds.split(",")
    assert 'le="0.123457"' in texts(run)
    assert settings.from_environment({"LATENCY_BUCKETS": bounds}).latency_buckets == tuple(
        float(f"{bound:g}") for bound in Slo(latency=Latency(threshold_seconds=0.1234567)).buckets
    )


def texts(run: Run) -> str:
    """What all of a run's rules say, the recordings included."""
    kinds = ("RuleGroupNamespace", "PrometheusRuleGroup", "AlertPolicy", "Container")
    return "".join(str(found.inputs) for found in run.resources if found.type.endswith(kinds)).replace("\\", "")


@every_stack
def test_the_service_counts_by_the_bounds_of_the_default_objectives(cloud: Cloud, tier: Tier) -> None:
    for service in fakes(cloud).services(stack_run(cloud, tier)):
        bounds = settings.from_environment({"LATENCY_BUCKETS": service.env["LATENCY_BUCKETS"]}).latency_buckets
        assert bounds == Slo().buckets


# What Prometheus cannot see → the cloud's own alarm on it, among the output ``alarms``. Azure measures no quota.
NATIVE: dict[Cloud, dict[str, str]] = {
    "aws": {
        "errors of the load balancer": "balancer-5xx",
        "no replica is ready": "stable-no-healthy-host",
        "a quota": "quota",
        "an agent that cannot write": "agent-not-writing",
    },
    "azure": {
        "errors of the load balancer": "edge-errors",
        "no replica is ready": "no-replica",
        "a replica that does not start": "failed-to-start",
        "an agent that cannot write": "agent-not-writing",
    },
    "gcp": {
        "errors of the load balancer": "ingress-errors",
        "no replica is ready": "no-replica",
        "a replica that does not start": "instance-failed",
        "a quota": "quota",
        "an agent that cannot write": "agent-not-writing",
    },
}


@pytest.mark.parametrize("cloud", NATIVE)
def test_what_prometheus_cannot_see_has_an_alarm_of_the_cloud_that_delivery_can_ask(cloud: Cloud) -> None:
    alarms = stack_run(cloud, "prod").outputs["alarms"]
    assert set(NATIVE[cloud].values()) <= set(alarms)
    assert len(set(alarms.values())) == len(alarms)


def test_on_aws_a_task_that_does_not_start_is_an_event_since_it_has_no_metric() -> None:
    assert stack_run("aws", "prod").one("cloudwatch/eventRule:EventRule", "task-failed-to-start")


@pytest.mark.parametrize(
    ("cloud", "kind", "told"),
    [
        ("aws", "MetricAlarm", "alarmActions"),
        ("azure", "PrometheusRuleGroup", "rules"),
        ("azure", "monitor:MetricAlert", "actions"),
        ("azure", "ScheduledQueryRule", "actions"),
        ("gcp", "AlertPolicy", "notificationChannels"),
    ],
)
def test_every_alarm_and_alert_reaches_somebody(cloud: Cloud, kind: str, told: str) -> None:
    for found in stack_run(cloud, "prod").of(kind):
        alerts = [rule for rule in found.inputs.get("rules", []) if "alert" in rule]
        assert all(rule["actions"] for rule in alerts) if kind == "PrometheusRuleGroup" else found.inputs[told]


@pytest.mark.parametrize(("cloud", "resource"), [("azure", "app:ContainerApp"), ("gcp", "cloudrunv2/service:Service")])
def test_another_threshold_is_another_revision_and_another_target_is_not(cloud: Cloud, resource: str) -> None:
    def revision(**slo: Any) -> str:
        template = run_with(cloud, "dev", monitoring={"slo": slo}).one(resource).inputs["template"]
        return template.get("revisionSuffix") or template["revision"]

    assert revision() == revision(availability={"target": 0.99}, windowDays=28)
    assert revision() != revision(latency={"thresholdSeconds": 0.2})
