"""Rules, alarms, receivers and the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pytest

from components.azure.receivers import action_groups
from components.azure.rule_groups import rule_groups
from components.azure.settings import Settings
from components.azure.shared import ResourceGroup
from components.spec import Environment, MonitoringSpec, Receiver, UnsupportedError
from observability.rules import AlertRule, RecordingRule, Rules, Severity
from tests.components.azure import fakes
from tests.components.azure.conftest import Stack
from tests.components.contract import SECRET
from tests.components.harness import Run, Secret, run

ENVIRONMENT = Environment(cloud="azure", tier="dev", project="mlplatform", stack="azure-dev")


def watched(rules: Rules = Rules(), receivers: Sequence[Receiver] = ()) -> Run:  # noqa: B008  an immutable default
    """A component with nothing but rules and receivers."""

    def program() -> None:
        settings = Settings(agent_image=f"registry.test/agent@sha256:{'d' * 64}")
        parent = pulumi.ComponentResource("mlplatform:azure:Monitoring", "monitoring")
        group = ResourceGroup("group", ENVIRONMENT, settings)
        notify = action_groups(ENVIRONMENT, receivers, group=group, parent=parent)
        spec = MonitoringSpec(rules=rules)
        rule_groups(
            "monitoring", ENVIRONMENT, spec, workspace="workspace-id", notify=notify, group=group, parent=parent
        )

    return run(program, outputs=fakes.outputs, call=fakes.call)


def alert(name: str, severity: Severity = "page", hold_seconds: int = 120) -> AlertRule:
    return AlertRule(
        name=name,
        expr="up == 0",
        hold_seconds=hold_seconds,
        severity=severity,
        summary="It is down.",
        description="No replica answers.",
        runbook="https://example.org/runbooks/down",
        service="mlplatform-azure-dev",
    )


def webhook(kind: Any = "webhook", address: str = "https://hooks.example.org/x") -> Receiver:
    return Receiver(name="oncall", kind=kind, address=address, severities=("page",))


def test_an_alert_carries_its_words_and_reaches_those_who_asked_for_its_severity() -> None:
    rules = Rules(alerts=(alert("Down"), alert("Drift", "ticket", hold_seconds=90)))
    down, drift = watched(rules, [webhook()]).one("PrometheusRuleGroup").inputs["rules"]
    assert (down["alert"], down["expression"], down["for"], down["severity"]) == ("Down", "up == 0", "PT2M", 1)
    assert down["annotations"] == {
        "summary": "It is down.",
        "description": "No replica answers.",
        "runbook_url": "https://example.org/runbooks/down",
    }
    assert down["actions"] == [{"actionGroupId": "page-id"}]
    assert (drift["for"], drift["severity"], drift.get("actions", [])) == ("PT2M", 3, [])
    assert down["labels"] == {"severity": "page", "service": "mlplatform-azure-dev"}


def test_an_alert_that_need_not_hold_has_no_time_to_hold() -> None:
    (rule,) = watched(Rules(alerts=(alert("Crash", hold_seconds=0),))).one("PrometheusRuleGroup").inputs["rules"]
    assert "for" not in rule


def test_recordings_come_before_the_alerts_that_use_them_in_groups_that_azure_accepts() -> None:
    rules = Rules(
        recordings=tuple(RecordingRule(record=f"service:requests:rate{index}m", expr="up") for index in range(15)),
        alerts=tuple(alert(f"Alert{index}") for index in range(10)),
    )
    first, second = sorted(watched(rules).of("PrometheusRuleGroup"), key=lambda group: group.name)
    assert (len(first.inputs["rules"]), len(second.inputs["rules"])) == (20, 5)
    assert first.inputs["rules"][0]["record"] == "service:requests:rate0m"
    assert second.inputs["rules"][-1]["alert"] == "Alert9"
    assert first.inputs["scopes"] == second.inputs["scopes"] == ["workspace-id"]


def test_without_rules_there_is_no_empty_group() -> None:
    watched(receivers=[webhook()]).none("PrometheusRuleGroup")


@pytest.mark.parametrize(
    ("kind", "address", "expected"),
    [
        ("webhook", "https://hooks.example.org/x", "https://hooks.example.org/x"),
        ("pagerduty", "key", "https://events.pagerduty.com/integration/key/enqueue"),
        ("opsgenie", "key", "https://api.opsgenie.com/v1/json/azure?apiKey=key"),
    ],
)
def test_an_address_that_holds_a_key_is_encrypted_in_the_state(kind: str, address: str, expected: str) -> None:
    found = watched(receivers=[webhook(kind, address)]).one("ActionGroup", "page").inputs["webhookReceivers"]
    assert isinstance(found, Secret)
    assert [receiver["serviceUri"] for receiver in found.value] == [expected]


def test_slack_is_refused_with_what_to_do_instead() -> None:
    with pytest.raises(UnsupportedError, match=r"azure cannot do receiver 'oncall' of kind slack; .*email"):
        watched(receivers=[webhook("slack")])


def test_each_receiver_stands_in_the_groups_of_its_severities(stack: Stack) -> None:
    run = stack("prod")
    page, ticket = run.one("ActionGroup", "page").inputs, run.one("ActionGroup", "ticket").inputs
    (oncall,) = page["webhookReceivers"].value
    assert oncall["name"] == "oncall"
    assert SECRET in oncall["serviceUri"]
    assert [found["emailAddress"] for found in page["emailReceivers"]] == ["team@example.org"]
    assert not ticket.get("webhookReceivers")
    assert len(page["groupShortName"]) <= 12


def alarms(run: Run) -> dict[str, dict[str, Any]]:
    return {found.name.removeprefix("monitoring-"): found.inputs for found in run.of("monitor:MetricAlert")}


def test_azures_own_alarms_watch_the_ingress_the_replicas_and_their_restarts(stack: Stack) -> None:
    found = alarms(stack("prod"))
    assert set(found) == {"edge-errors", "restarts", "no-replica"}
    (errors,) = found["edge-errors"]["criteria"]["allOf"]
    assert (errors["metricName"], errors["dimensions"]) == (
        "Requests",
        [{"name": "statusCodeCategory", "operator": "Include", "values": ["5xx"]}],
    )
    assert found["edge-errors"]["scopes"] == ["compute-id"]
    assert found["no-replica"]["actions"] == [{"actionGroupId": "page-id"}]
    assert found["restarts"]["actions"] == [{"actionGroupId": "ticket-id"}]


def test_azures_logs_tell_of_what_it_does_not_measure(stack: Stack) -> None:
    run = stack("prod")
    found = {rule.name.removeprefix("monitoring-"): rule.inputs for rule in run.of("monitor:ScheduledQueryRule")}
    assert set(found) == {"failed-to-start", "training-failed", "agent-not-writing"}
    asked = {name: rule["criteria"]["allOf"][0] for name, rule in found.items()}
    assert asked["failed-to-start"]["query"].startswith("ContainerAppSystemLogs | where isempty(JobName) | ")
    assert 'ContainerName == "agent"' in asked["agent-not-writing"]["query"]
    template = run.one("app:ContainerApp").inputs["template"]
    assert "agent" in [container["name"] for container in template["containers"]]
    assert asked["agent-not-writing"]["failingPeriods"] == {
        "numberOfEvaluationPeriods": 2,
        "minFailingPeriodsToAlert": 2,
    }
    assert {name: rule["actions"]["actionGroups"] for name, rule in found.items()} == {
        "failed-to-start": ["page-id"],
        "training-failed": ["ticket-id"],
        "agent-not-writing": ["ticket-id"],
    }
    assert {tuple(rule["scopes"]) for rule in found.values()} == {("telemetry-logs-id",)}


def test_a_service_that_scales_to_zero_may_have_no_replica(stack: Stack) -> None:
    assert "no-replica" not in alarms(stack("dev"))


def test_the_dashboard_shows_the_service_and_its_address_is_exported(stack: Stack) -> None:
    run = stack("dev")
    (lens,) = run.one("portal:Dashboard").inputs["properties"]["lenses"]
    shown = [
        part["metadata"]["settings"]["content"]["options"]["chart"]["metrics"][0]["resourceMetadata"]["id"]
        for part in lens["parts"]
    ]
    assert set(shown) == {"compute-id"}
    places = [(part["position"]["x"], part["position"]["y"]) for part in lens["parts"]]
    assert len(set(places)) == len(places) == 6
    assert run.outputs["dashboardUrl"] == "https://portal.azure.com/#@/dashboard/armmonitoring-id"
