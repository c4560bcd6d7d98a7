"""What of Azure's own measurements means that the service is not well, for what Prometheus cannot see.

Quotas are not among them: an environment's metrics of its cores are deprecated and empty (``EnvCoresQuotaUtilization``,
learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/microsoft-app-managedenvironments-metrics).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_azure_native.monitor as monitor

from components import naming
from components.azure.shared import ResourceGroup
from components.spec import Environment
from observability.rules import Severity

SEVERITIES: dict[Severity, int] = {"page": 1, "ticket": 3}
"""Azure's scale runs from 0, critical, to 4, verbose."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A platform metric beyond a threshold, over five minutes.

    Names and dimensions: learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/, page
    microsoft-app-containerapps-metrics.
    """

    name: str
    metric: str
    aggregation: Literal["Total", "Maximum"]
    operator: Literal["GreaterThan", "LessThan"]
    threshold: float
    severity: Severity
    description: str
    dimension: tuple[str, str] | None = None


SERVICE_ALARMS = (
    Alarm(
        name="edge-errors",
        metric="Requests",
        aggregation="Total",
        operator="GreaterThan",
        threshold=10,
        severity="page",
        description="The ingress answered more than 10 requests with 5xx in five minutes.",
        dimension=("statusCodeCategory", "5xx"),
    ),
    Alarm(
        name="restarts",
        metric="RestartCount",
        aggregation="Maximum",
        operator="GreaterThan",
        threshold=3,
        severity="ticket",
        description="A replica was restarted more than three times: it crashes, or its probes fail.",
    ),
)
NO_REPLICA = Alarm(
    name="no-replica",
    metric="Replicas",
    aggregation="Maximum",
    operator="LessThan",
    threshold=1,
    severity="page",
    description="No replica runs, though at least one should: it cannot be started, or its image not be pulled.",
)


def metric_alert(
    part: str,
    environment: Environment,
    alarm: Alarm,
    *,
    on: pulumi.Input[str],
    namespace: str,
    notify: Sequence[monitor.ActionGroup],
    group: ResourceGroup,
    parent: pulumi.Resource,
) -> monitor.MetricAlert:
    """Watch one metric of the resource ``on`` and tell the action groups ``notify``."""
    dimensions = [
        monitor.MetricDimensionArgs(name=name, operator="Include", values=[value])
        for name, value in ([alarm.dimension] if alarm.dimension else [])
    ]
    return monitor.MetricAlert(
        part,
        rule_name=naming.name(environment, "resource", part),
        resource_group_name=group.group_name,
        location="Global",
        description=alarm.description,
        enabled=True,
        auto_mitigate=True,
        severity=SEVERITIES[alarm.severity],
        scopes=[on],
        evaluation_frequency="PT1M",
        window_size="PT5M",
        criteria=monitor.MetricAlertSingleResourceMultipleMetricCriteriaArgs(
            odata_type="Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
            all_of=[
                monitor.MetricCriteriaArgs(
                    criterion_type="StaticThresholdCriterion",
                    name=alarm.name,
                    metric_namespace=namespace,
                    metric_name=alarm.metric,
                    time_aggregation=alarm.aggregation,
                    operator=alarm.operator,
                    threshold=alarm.threshold,
                    dimensions=dimensions,
                )
            ],
        ),
        actions=[monitor.MetricAlertActionArgs(action_group_id=found.id) for found in notify],
        tags=naming.tags(environment),
        opts=pulumi.ResourceOptions(parent=parent),
    )
