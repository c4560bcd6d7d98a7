"""The shared Prometheus rules as rule groups of the managed Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_azure_native.alertsmanagement as alertsmanagement
import pulumi_azure_native.monitor as monitor

from components import naming
from components.azure.alerts import SEVERITIES
from components.azure.shared import ResourceGroup
from components.spec import Environment
from observability.rules import AlertRule, RecordingRule, Rules, Severity

# learn.microsoft.com/azure/azure-monitor/fundamentals/service-limits#prometheus-metrics
_RULES_PER_GROUP = 20
_INTERVAL = "PT1M"


def rule_groups(
    part: str,
    environment: Environment,
    rules: Rules,
    *,
    workspace: pulumi.Input[str],
    notify: Mapping[Severity, monitor.ActionGroup],
    group: ResourceGroup,
    parent: pulumi.Resource,
) -> None:
    """Evaluate ``rules`` every minute, recordings before alerts, on the metrics of ``workspace``."""
    recordings = [_recording(rule) for rule in rules.recordings]
    alerts = [_alert(rule, notify.get(rule.severity)) for rule in rules.alerts]
    every = [*recordings, *alerts]
    for index, start in enumerate(range(0, len(every), _RULES_PER_GROUP)):
        alertsmanagement.PrometheusRuleGroup(
            f"{part}-rules-{index}",
            rule_group_name=naming.name(environment, "resource", f"rules-{index}"),
            resource_group_name=group.group_name,
            location=group.location,
            scopes=[workspace],
            interval=_INTERVAL,
            enabled=True,
            rules=every[start : start + _RULES_PER_GROUP],
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(parent=parent),
        )


def _recording(rule: RecordingRule) -> alertsmanagement.PrometheusRuleArgs:
    """A rule that stores a series."""
    return alertsmanagement.PrometheusRuleArgs(record=rule.record, expression=rule.expr, enabled=True)


def _alert(rule: AlertRule, notify: monitor.ActionGroup | None) -> alertsmanagement.PrometheusRuleArgs:
    """A rule that tells people; it resolves itself when its condition has been gone for a while."""
    actions = [alertsmanagement.PrometheusRuleGroupActionArgs(action_group_id=notify.id)] if notify else []
    return alertsmanagement.PrometheusRuleArgs(
        alert=rule.name,
        expression=rule.expr,
        for_=_duration(rule.hold_seconds),
        severity=SEVERITIES[rule.severity],
        labels={"severity": rule.severity},
        annotations={"summary": rule.summary, "description": rule.description, "runbook_url": rule.runbook},
        enabled=True,
        resolve_configuration=alertsmanagement.PrometheusRuleResolveConfigurationArgs(
            auto_resolved=True, time_to_resolve="PT10M"
        ),
        actions=actions,
    )


def _duration(seconds: int) -> str:
    """ISO 8601 in whole minutes, the group's interval: 90 seconds become ``PT2M``."""
    return f"PT{-(-seconds // 60)}M"
