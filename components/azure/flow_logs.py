"""Flow logs of a production network, kept in a storage account of their own."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.network as network
import pulumi_azure_native.storage as storage

from components import naming
from components.azure import access
from components.azure.shared import ResourceGroup
from components.spec import Environment

RETENTION_DAYS = 90
# Azure makes one network watcher for each region in use, under these names, and allows no second
# (learn.microsoft.com/azure/network-watcher/network-watcher-create).
WATCHER_GROUP = "NetworkWatcherRG"
WATCHER = "NetworkWatcher_{location}"


def flow_logs(
    part: str,
    environment: Environment,
    *,
    network_id: pulumi.Output[str],
    group: ResourceGroup,
    parent: pulumi.Resource,
) -> None:
    """Record every flow through the virtual network and keep it for RETENTION_DAYS.

    The account keeps its access keys: the flow-log service signs its writes with them. Network access is refused to
    all but Azure's own services.
    """
    account = storage.StorageAccount(
        part,
        account_name=naming.name(environment, "storage-account", "flows"),
        resource_group_name=group.group_name,
        location=group.location,
        kind=storage.Kind.STORAGE_V2,
        sku=storage.SkuArgs(name=storage.SkuName.STANDARD_ZRS),
        allow_blob_public_access=False,
        allow_cross_tenant_replication=False,
        enable_https_traffic_only=True,
        minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
        network_rule_set=storage.NetworkRuleSetArgs(
            default_action=storage.DefaultAction.DENY, bypass=storage.Bypass.AZURE_SERVICES
        ),
        tags=naming.tags(environment),
        opts=pulumi.ResourceOptions(parent=parent, protect=True),
    )
    access.lock(part, environment, account.id, parent=parent)
    network.FlowLog(
        part,
        flow_log_name=naming.name(environment, "resource", part),
        resource_group_name=WATCHER_GROUP,
        network_watcher_name=WATCHER.format(location=group.location),
        location=group.location,
        target_resource_id=network_id,
        storage_id=account.id,
        enabled=True,
        format=network.FlowLogFormatParametersArgs(type=network.FlowLogFormatType.JSON, version=2),
        retention_policy=network.RetentionPolicyParametersArgs(enabled=True, days=RETENTION_DAYS),
        tags=naming.tags(environment),
        opts=pulumi.ResourceOptions(parent=parent),
    )
