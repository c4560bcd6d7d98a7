"""Where logs and metrics are kept: a log workspace and a managed Prometheus with its own way in."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.monitor as monitor
import pulumi_azure_native.operationalinsights as operationalinsights

from components import naming
from components.azure import access
from components.azure.shared import ResourceGroup
from components.spec import Environment, MonitoringSpec

_STREAM = "Microsoft-PrometheusMetrics"


class Telemetry(pulumi.ComponentResource):
    """Log Analytics workspace, Azure Monitor workspace, and the collection rule that agents write through.

    Metrics are kept for 18 months, which Azure does not let one change. Access is by identity alone.

    Outputs: ``remote_write_url``, ``query_url``; the resource ids ``log_workspace``, ``metrics_workspace`` and
    ``collection_rule``, on which a writer needs MONITORING_METRICS_PUBLISHER.
    """

    remote_write_url: pulumi.Output[str]
    query_url: pulumi.Output[str]
    log_workspace: pulumi.Output[str]
    metrics_workspace: pulumi.Output[str]
    collection_rule: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: MonitoringSpec,
        *,
        group: ResourceGroup,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:Telemetry", name, None, opts)
        data = pulumi.ResourceOptions(parent=self, protect=True)
        logs = operationalinsights.Workspace(
            f"{name}-logs",
            workspace_name=naming.name(environment, "log-workspace", "logs"),
            resource_group_name=group.group_name,
            location=group.location,
            sku=operationalinsights.WorkspaceSkuArgs(name=operationalinsights.WorkspaceSkuNameEnum.PER_GB2018),
            retention_in_days=spec.log_retention_days,
            features=operationalinsights.WorkspaceFeaturesArgs(disable_local_auth=True),
            tags=naming.tags(environment),
            opts=data,
        )
        metrics = monitor.AzureMonitorWorkspace(
            f"{name}-metrics",
            azure_monitor_workspace_name=naming.name(environment, "monitor-workspace", "metrics"),
            resource_group_name=group.group_name,
            location=group.location,
            tags=naming.tags(environment),
            opts=data,
        )
        access.lock(f"{name}-logs", environment, logs.id, parent=self)
        access.lock(f"{name}-metrics", environment, metrics.id, parent=self)
        endpoint = monitor.DataCollectionEndpoint(
            name,
            data_collection_endpoint_name=naming.name(environment, "monitor-workspace", "endpoint"),
            resource_group_name=group.group_name,
            location=group.location,
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(parent=self),
        )
        rule = self._collection_rule(name, environment, group, endpoint.id, metrics.id)
        # learn.microsoft.com/azure/azure-monitor/metrics/prometheus-remote-write: ingestion endpoint of the DCE,
        # immutable id of the DCR
        self.remote_write_url = pulumi.Output.concat(
            endpoint.metrics_ingestion.apply(lambda found: found.endpoint if found else ""),
            "/dataCollectionRules/",
            rule.immutable_id,
            f"/streams/{_STREAM}/api/v1/write?api-version=2023-04-24",
        )
        self.query_url = metrics.metrics.apply(lambda found: found.prometheus_query_endpoint)
        self.log_workspace = logs.id
        self.metrics_workspace = metrics.id
        self.collection_rule = rule.id
        self.register_outputs({"remoteWriteUrl": self.remote_write_url, "queryUrl": self.query_url})

    def _collection_rule(
        self,
        name: str,
        environment: Environment,
        group: ResourceGroup,
        endpoint: pulumi.Output[str],
        workspace: pulumi.Output[str],
    ) -> monitor.DataCollectionRule:
        """The rule that takes remote writes at ``endpoint`` and keeps them in ``workspace`` (resource ids)."""
        return monitor.DataCollectionRule(
            name,
            data_collection_rule_name=naming.name(environment, "monitor-workspace", "rule"),
            resource_group_name=group.group_name,
            location=group.location,
            data_collection_endpoint_id=endpoint,
            data_sources=monitor.DataCollectionRuleDataSourcesArgs(
                prometheus_forwarder=[monitor.PrometheusForwarderDataSourceArgs(name="agents", streams=[_STREAM])]
            ),
            destinations=monitor.DataCollectionRuleDestinationsArgs(
                monitoring_accounts=[
                    monitor.MonitoringAccountDestinationArgs(name="metrics", account_resource_id=workspace)
                ]
            ),
            data_flows=[monitor.DataFlowArgs(streams=[_STREAM], destinations=["metrics"])],
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(parent=self),
        )
