"""The shared Prometheus rules as rule groups of the managed Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_azure_native.alertsmanagement as alertsmanagement
import pulumi_azure_native.monitor as monitor

from components import naming
from components.azure.alerts import SEVERITIES
from components.azure.shared import ResourceGroup
from components.spec import Environment, MonitoringSpec
from observability.rules import Severity

# learn.microsoft.com/azure/azure-monitor/fundamentals/service-limits#prometheus-metrics
_RULES_PER_GROUP = 20
_INTERVAL = "PT1M"


def rule_groups(
    part: str,
    environment: Environment,
    spec: MonitoringSpec,
    *,
    workspace: pulumi.Input[str],
    notify: Mapping[Severity, monitor.ActionGroup],
    group: ResourceGroup,
    parent: pulumi.Resource,
) -> None:
    """Evaluate the rules of ``spec`` every minute, recordings before alerts, on the metrics of ``workspace``."""
    every = [*_recordings(spec), *_alerts(spec, notify)]
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


def _recordings(spec: MonitoringSpec) -> list[alertsmanagement.PrometheusRuleArgs]:
    """The rules that store a series."""
    return [
        alertsmanagement.PrometheusRuleArgs(record=rule.record, expression=spec.filled(rule.expr), enabled=True)
        for rule in spec.rules.recordings
    ]


def _alerts(
    spec: MonitoringSpec, notify: Mapping[Severity, monitor.ActionGroup]
) -> list[alertsmanagement.PrometheusRuleArgs]:
    """The rules that tell people; each resolves itself when its condition has been gone for a while."""
    actions = {
        severity: [alertsmanagement.PrometheusRuleGroupActionArgs(action_group_id=group.id)]
        for severity, group in notify.items()
    }
    return [
        alertsmanagement.PrometheusRuleArgs(
            alert=rule.name,
            expression=spec.filled(rule.expr),
            for_=_duration(rule.hold_seconds),
            severity=SEVERITIES[rule.severity],
            labels=rule.labels,
            annotations={"summary": rule.summary, "description": rule.description, "runbook_url": rule.runbook},
            enabled=True,
            resolve_configuration=alertsmanagement.PrometheusRuleResolveConfigurationArgs(
                auto_resolved=True, time_to_resolve="PT10M"
            ),
            actions=actions.get(rule.severity, []),
        )
        for rule in spec.rules.alerts
    ]


def _duration(seconds: int) -> str | None:
    """ISO 8601 in whole minutes, the group's interval: 90 seconds become ``PT2M``; None for at once."""
    return f"PT{-(-seconds // 60)}M" if seconds else None
