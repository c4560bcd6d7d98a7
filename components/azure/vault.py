"""The stack's Key Vault: people put secrets there, the service refers to them by name, no value passes Pulumi."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.keyvault as keyvault

from components import naming
from components.azure import access
from components.azure.diagnostics import send_logs
from components.azure.network import Network
from components.azure.private_link import Service, private_link
from components.azure.settings import Settings
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.spec import Environment


class Vault(pulumi.ComponentResource):
    """A vault whose access is by role alone; in production private, and not to be purged before its time.

    Outputs: ``uri`` (ends with a slash) and ``vault_id``. ``ready`` is what a workload waits for.
    """

    uri: pulumi.Output[str]
    vault_id: pulumi.Output[str]
    ready: pulumi.Resource

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: Settings,
        *,
        tenant: pulumi.Output[str],
        group: ResourceGroup,
        network: Network,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:Vault", name, None, opts)
        production = environment.production
        vault = keyvault.Vault(
            name,
            vault_name=naming.name(environment, "key-vault", "secrets"),
            resource_group_name=group.group_name,
            location=group.location,
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=tenant,
                sku=keyvault.SkuArgs(family=keyvault.SkuFamily.A, name=keyvault.SkuName.STANDARD),
                enable_rbac_authorization=True,
                enable_soft_delete=True,
                soft_delete_retention_in_days=90 if production else 7,
                # Azure accepts true or nothing: once on, it cannot be taken back.
                enable_purge_protection=True if production else None,
                public_network_access="Enabled" if settings.allowed_ranges or not production else "Disabled",
                # Container Apps resolves references from outside the subnet's service endpoints
                # (microsoft/azure-container-apps#1287), so a development vault is guarded by roles alone.
                network_acls=_firewall(settings) if production else None,
            ),
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        access.lock(name, environment, vault.id, parent=self)
        self.ready = vault
        if production:
            send_logs(name, vault.id, telemetry.log_workspace, parent=self)
            self.ready = private_link(
                name, environment, Service.VAULT, on=vault.id, network_=network, group=group, parent=self
            )
        self.vault_id = vault.id
        self.uri = pulumi.Output.concat("https://", vault.name, ".vault.azure.net/")
        self.register_outputs({"uri": self.uri})


def _firewall(settings: Settings) -> keyvault.NetworkRuleSetArgs:
    """Only the allowed ranges reach the vault from outside the network."""
    return keyvault.NetworkRuleSetArgs(
        default_action=keyvault.NetworkRuleAction.DENY,
        bypass=keyvault.NetworkRuleBypassOptions.NONE,
        ip_rules=[keyvault.IPRuleArgs(value=allowed) for allowed in settings.allowed_ranges],
    )
