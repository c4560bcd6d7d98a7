"""What watches the service: Prometheus rules and their routing, native alarms, a dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pulumi
from pulumi_aws import amp, cloudwatch

from components import naming
from components.aws import dashboard
from components.aws.account import Account
from components.aws.alarms import Alarms
from components.aws.compute import Compute
from components.aws.prometheus_alerts import alert_manager, rule_groups
from components.aws.telemetry import Telemetry
from components.aws.topics import Topics
from components.spec import Environment, MonitoringSpec
from observability.rules import Severity


class Monitoring(pulumi.ComponentResource):
    """The spec's rules in managed Prometheus, whose alert manager publishes by severity; alarms do the same.

    Outputs: ``dashboard_url``, ``logs_url`` and ``alarms``, the names of the alarms.
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
        account: Account,
        telemetry: Telemetry,
        compute: Compute,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Monitoring", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        region = account.region
        topics = Topics(
            f"{name}-topics", environment, spec, account=account, workspace_arn=telemetry.workspace_arn, opts=child
        )
        definition = pulumi.Output.all(**topics.arns).apply(
            lambda arns: alert_manager(cast(dict[Severity, str], arns), region)
        )
        amp.AlertManagerDefinition(
            name,
            amp.AlertManagerDefinitionArgs(workspace_id=telemetry.workspace_id, definition=definition),
            opts=child,
        )
        if spec.rules.recordings or spec.rules.alerts:
            amp.RuleGroupNamespace(
                name,
                amp.RuleGroupNamespaceArgs(
                    workspace_id=telemetry.workspace_id,
                    name="mlplatform",
                    data=spec.filled(rule_groups(spec.rules)),
                    tags=naming.tags(environment),
                ),
                opts=child,
            )
        alarms = Alarms(
            f"{name}-alarms",
            environment,
            compute=compute,
            logs=telemetry.service_logs.name,
            topics=topics.arns,
            opts=child,
        )
        self.alarms = alarms.names
        body = pulumi.Output.all(
            balancer=compute.balancer.arn_suffix,
            cluster=compute.cluster.name,
            groups={release: compute.balancer.target_groups[release].arn_suffix for release in compute.services},
            services={release: service.name for release, service in compute.services.items()},
            alarms=list(alarms.arns.values()),
        ).apply(
            lambda known: dashboard.body(
                region=region,
                balancer=known["balancer"],
                target_groups=known["groups"],
                cluster=known["cluster"],
                services=known["services"],
                alarm_arns=known["alarms"],
            )
        )
        page = cloudwatch.Dashboard(
            name,
            cloudwatch.DashboardArgs(
                dashboard_name=naming.name(environment, "resource", "service"), dashboard_body=body
            ),
            opts=child,
        )
        console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
        self.dashboard_url = pulumi.Output.concat(console, "#dashboards/dashboard/", page.dashboard_name)
        self.logs_url = pulumi.Output.concat(console, "#logsV2:log-groups/log-group/", telemetry.service_logs.name)
        self.register_outputs(
            {"dashboard_url": self.dashboard_url, "logs_url": self.logs_url, "alarms": dict(self.alarms)}
        )
