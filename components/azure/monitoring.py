"""What watches the service: the shared rules, Azure's own alarms, who is told, and a dashboard."""

from __future__ import annotations

import pulumi

from components.azure.alerts import NO_REPLICA, SERVICE_ALARMS, metric_alert
from components.azure.compute import Compute
from components.azure.dashboard import NAMESPACE, dashboard
from components.azure.receivers import action_groups
from components.azure.rule_groups import rule_groups
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.spec import Environment, MonitoringSpec

_PORTAL = "https://portal.azure.com/#"


class Monitoring(pulumi.ComponentResource):
    """Prometheus rule groups, metric alerts, an action group for each severity, and a portal dashboard.

    Outputs: ``dashboard_url`` and ``logs_url``.
    """

    dashboard_url: pulumi.Output[str]
    logs_url: pulumi.Output[str]

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
            spec.rules,
            workspace=telemetry.metrics_workspace,
            notify=notify,
            group=group,
            parent=self,
        )
        for alarm in (*SERVICE_ALARMS, *([] if compute.scales_to_zero else [NO_REPLICA])):
            metric_alert(
                f"{name}-{alarm.name}",
                environment,
                alarm,
                on=compute.app_id,
                namespace=NAMESPACE,
                notify=[notify[alarm.severity]] if alarm.severity in notify else [],
                group=group,
                parent=self,
            )
        page = dashboard(name, environment, app_id=compute.app_id, group=group, parent=self)
        self.dashboard_url = pulumi.Output.concat(_PORTAL, "@/dashboard/arm", page.id)
        self.logs_url = pulumi.Output.concat(_PORTAL, "@/resource", telemetry.log_workspace, "/logs")
        self.register_outputs({"dashboardUrl": self.dashboard_url, "logsUrl": self.logs_url})
