"""What watches the service: the shared rules, Azure's own alarms, who is told, and a dashboard."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from components.azure.alerts import NO_REPLICA, SERVICE_ALARMS, metric_alert
from components.azure.compute import Compute
from components.azure.dashboard import NAMESPACE, dashboard
from components.azure.log_alerts import LOG_ALARMS, log_alert
from components.azure.receivers import action_groups
from components.azure.rule_groups import rule_groups
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.spec import Environment, MonitoringSpec

_PORTAL = "https://portal.azure.com/#"


class Monitoring(pulumi.ComponentResource):
    """Prometheus rule groups, alerts on metrics and logs, an action group for each severity, and a portal dashboard.

    Outputs: ``dashboard_url``, ``logs_url`` and ``alarms``, the resource ids of Azure's own alerts.
    """

    dashboard_url: pulumi.Output[str]
    logs_url: pulumi.Output[str]
    alarms: Mapping[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: MonitoringSpec,
        *,
        group: ResourceGroup,
        telemetry: Telemetry,
        compute: Compute,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:Monitoring", name, None, opts)
        notify = action_groups(environment, spec.receivers, group=group, parent=self)
        rule_groups(
            name,
            environment,
            spec,
            workspace=telemetry.metrics_workspace,
            notify=notify,
            group=group,
            parent=self,
        )
        groups = {severity: [group] for severity, group in notify.items()}
        measured = (*SERVICE_ALARMS, *([] if compute.scales_to_zero else [NO_REPLICA]))
        self.alarms = {
            alarm.name: metric_alert(
                f"{name}-{alarm.name}",
                environment,
                alarm,
                on=compute.app_id,
                namespace=NAMESPACE,
                notify=groups.get(alarm.severity, []),
                group=group,
                parent=self,
            ).id
            for alarm in measured
        } | {
            alarm.name: log_alert(
                f"{name}-{alarm.name}",
                environment,
                alarm,
                workspace=telemetry.log_workspace,
                notify=groups.get(alarm.severity, []),
                group=group,
                parent=self,
            ).id
            for alarm in LOG_ALARMS
        }
        page = dashboard(name, environment, app_id=compute.app_id, group=group, parent=self)
        self.dashboard_url = pulumi.Output.concat(_PORTAL, "@/dashboard/arm", page.id)
        self.logs_url = pulumi.Output.concat(_PORTAL, "@/resource", telemetry.log_workspace, "/logs")
        self.register_outputs(
            {"dashboardUrl": self.dashboard_url, "logsUrl": self.logs_url, "alarms": dict(self.alarms)}
        )
