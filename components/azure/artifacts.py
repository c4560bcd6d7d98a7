"""Where models and files are kept: versioned, encrypted, closed to the public and guarded against deletion."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.storage as storage

from components import naming
from components.azure import access
from components.azure.diagnostics import send_logs
from components.azure.network import Network
from components.azure.private_link import Service, private_link
from components.azure.settings import Settings
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.spec import Environment


class Artifacts(pulumi.ComponentResource):
    """A storage account that only identities open, with earlier versions and deleted blobs kept.

    ``part`` names the account and its one container. In production it is zone-redundant and has a private address,
    and no version can be changed or deleted, by anyone, in its first 30 days. A file itself can be deleted: what it
    held stays as an earlier version (learn.microsoft.com/azure/storage/blobs/immutable-version-level-worm-policies).

    Outputs: ``host`` (of the account's blobs), ``container`` (its name), ``url`` and ``container_id``. ``ready`` is
    what a writer waits for.
    """

    host: pulumi.Output[str]
    container: str
    url: pulumi.Output[str]
    container_id: pulumi.Output[str]
    ready: pulumi.Resource

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: Settings,
        *,
        part: str,
        group: ResourceGroup,
        network: Network,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:Artifacts", name, None, opts)
        production = environment.production
        data = pulumi.ResourceOptions(parent=self, protect=True)
        reachable = bool(settings.allowed_ranges) or not production
        account = storage.StorageAccount(
            name,
            account_name=naming.name(environment, "storage-account", part),
            resource_group_name=group.group_name,
            location=group.location,
            kind=storage.Kind.STORAGE_V2,
            sku=storage.SkuArgs(name=storage.SkuName.STANDARD_ZRS if production else storage.SkuName.STANDARD_LRS),
            allow_blob_public_access=False,
            allow_shared_key_access=False,
            allow_cross_tenant_replication=False,
            enable_https_traffic_only=True,
            minimum_tls_version=storage.MinimumTlsVersion.TLS1_2,
            public_network_access=(
                storage.PublicNetworkAccess.ENABLED if reachable else storage.PublicNetworkAccess.DISABLED
            ),
            network_rule_set=_firewall(settings, network),
            # Can only be decided when the account is created.
            immutable_storage_with_versioning=_immutable() if production else None,
            tags=naming.tags(environment),
            opts=data,
        )
        access.lock(name, environment, account.id, parent=self)
        keep = storage.DeleteRetentionPolicyArgs(enabled=True, days=30 if production else 7)
        blobs = storage.BlobServiceProperties(
            name,
            blob_services_name="default",
            account_name=account.name,
            resource_group_name=group.group_name,
            is_versioning_enabled=True,
            delete_retention_policy=keep,
            container_delete_retention_policy=keep,
            opts=pulumi.ResourceOptions(parent=self),
        )
        container = storage.BlobContainer(
            name,
            container_name=part,
            account_name=account.name,
            resource_group_name=group.group_name,
            public_access=storage.PublicAccess.NONE,
            opts=pulumi.ResourceOptions.merge(data, pulumi.ResourceOptions(depends_on=[blobs])),
        )
        self.ready = container
        if production:
            send_logs(name, blobs.id, telemetry.log_workspace, parent=self)
            self.ready = private_link(
                name, environment, Service.BLOB, on=account.id, network_=network, group=group, parent=self
            )
        self.container = part
        self.host = pulumi.Output.concat(account.name, ".blob.core.windows.net")
        self.container_id = container.id
        self.url = pulumi.Output.concat("https://", self.host, "/", part)
        self.register_outputs({"url": self.url})


def _firewall(settings: Settings, network: Network) -> storage.NetworkRuleSetArgs:
    """The workload's subnet and the allowed ranges reach the account, nobody else."""
    return storage.NetworkRuleSetArgs(
        default_action=storage.DefaultAction.DENY,
        bypass=storage.Bypass.AZURE_SERVICES,
        virtual_network_rules=[storage.VirtualNetworkRuleArgs(virtual_network_resource_id=network.workload_subnet)],
        ip_rules=[
            storage.IPRuleArgs(i_p_address_or_range=allowed, action=storage.Action.ALLOW)
            for allowed in settings.allowed_ranges
        ],
    )


def _immutable() -> storage.ImmutableStorageAccountArgs:
    """Each version of a blob is kept as it is for 30 days; unlocked, so that the owner can still change the days."""
    return storage.ImmutableStorageAccountArgs(
        enabled=True,
        immutability_policy=storage.AccountImmutabilityPolicyPropertiesArgs(
            immutability_period_since_creation_in_days=30,
            allow_protected_append_writes=False,
            state=storage.AccountImmutabilityPolicyState.UNLOCKED,
        ),
    )
