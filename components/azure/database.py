"""The PostgreSQL of the tracking store: a flexible server that only the network reaches and only an identity opens."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.dbforpostgresql as postgres
import pulumi_azure_native.managedidentity as managedidentity

from components import naming
from components.azure import access
from components.azure.diagnostics import DATABASE_LOGS, send_logs
from components.azure.network import Network
from components.azure.private_link import Service, private_link
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.spec import Environment
from components.tracking import DATABASE, PORT, TrackingSpec

# The tiers by the letter of their sizes (learn.microsoft.com/azure/postgresql/compute-storage/concepts-compute).
_TIERS = {
    "B": postgres.SkuTier.BURSTABLE,
    "D": postgres.SkuTier.GENERAL_PURPOSE,
    "E": postgres.SkuTier.MEMORY_OPTIMIZED,
}
# The parameters that say how clients connect
# (learn.microsoft.com/azure/postgresql/security/security-tls, which recommends TLS 1.3 alone).
_CONNECTIONS = {"require_secure_transport": "on", "ssl_min_protocol_version": "TLSv1.3"}


class Database(pulumi.ComponentResource):
    """A server with a private endpoint and no other address, without any password, and one database in it.

    Minor versions are patched in the service's own monthly window. It is encrypted with Azure's keys, as all that the
    stack holds. In production a standby in another zone takes over.

    Output: ``url``, for ``user``, who logs in with a token of Microsoft Entra in place of a password.
    """

    url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: TrackingSpec,
        *,
        user: managedidentity.UserAssignedIdentity,
        group: ResourceGroup,
        network: Network,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:Database", name, None, opts)
        server = self._server(name, environment, spec, tenant=user.tenant_id, group=group)
        access.lock(name, environment, server.id, parent=self)
        send_logs(name, server.id, telemetry.log_workspace, categories=DATABASE_LOGS, parent=self)
        # From here on one after the other: a server refuses what comes while it is busy (ServerIsBusy,
        # github.com/Azure/azure-postgresql/issues/134).
        reached = private_link(
            name, environment, Service.POSTGRES, on=server.id, network_=network, group=group, parent=self
        )
        administrator = postgres.AdministratorsMicrosoftEntra(
            name,
            object_id=user.principal_id,
            principal_name=user.name,
            # The SDK's enumeration is another API's, which writes it in lower case.
            principal_type="ServicePrincipal",
            tenant_id=user.tenant_id,
            server_name=server.name,
            resource_group_name=group.group_name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[reached]),
        )
        database = postgres.Database(
            name,
            database_name=DATABASE,
            server_name=server.name,
            resource_group_name=group.group_name,
            # A database that is made before there is an administrator is of no use to one
            # (hashicorp/terraform-provider-azurerm#27895); who comes first makes tables by azure_pg_admin, the owner
            # of the schema (frappe/frappe#39145).
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=[administrator]),
        )
        before: pulumi.Resource = database
        for parameter, value in _CONNECTIONS.items():
            before = postgres.Configuration(
                f"{name}-{parameter}",
                configuration_name=parameter,
                value=value,
                source="user-override",
                server_name=server.name,
                resource_group_name=group.group_name,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[before]),
            )
        self.url = pulumi.Output.format(
            "postgresql://{0}@{1}:{2}/{3}?sslmode=verify-full",
            user.name,
            server.fully_qualified_domain_name,
            PORT,
            DATABASE,
        )
        self.register_outputs({"url": self.url})

    def _server(
        self,
        name: str,
        environment: Environment,
        spec: TrackingSpec,
        *,
        tenant: pulumi.Output[str],
        group: ResourceGroup,
    ) -> postgres.Server:
        """The server itself. Azure chooses its zones, and changes them when the standby takes over."""
        production = environment.production
        machine = spec.machine or ("Standard_D2ds_v5" if production else "Standard_B1ms")
        standby = postgres.PostgreSqlFlexibleServerHighAvailabilityMode
        return postgres.Server(
            name,
            server_name=naming.name(environment, "postgres", "tracking"),
            resource_group_name=group.group_name,
            location=group.location,
            version=postgres.PostgresMajorVersion.POSTGRES_MAJOR_VERSION_17,
            sku=postgres.SkuArgs(name=machine, tier=_TIERS[machine.removeprefix("Standard_")[0]]),
            storage=postgres.StorageArgs(storage_size_gb=spec.storage_gb, auto_grow=postgres.StorageAutoGrow.ENABLED),
            # In this region, as everything of the stack: whether they leave it can only be decided here, once.
            backup=postgres.BackupArgs(
                backup_retention_days=spec.backup_days,
                geo_redundant_backup=postgres.GeographicallyRedundantBackup.DISABLED,
            ),
            high_availability=postgres.HighAvailabilityArgs(
                mode=standby.ZONE_REDUNDANT if production else standby.DISABLED
            ),
            network=postgres.NetworkArgs(public_network_access=postgres.ServerPublicNetworkAccessState.DISABLED),
            auth_config=postgres.AuthConfigArgs(
                active_directory_auth=postgres.MicrosoftEntraAuth.ENABLED,
                password_auth=postgres.PasswordBasedAuth.DISABLED,
                tenant_id=tenant,
            ),
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=True,
                # What Azure itself changes: storage that has grown cannot shrink, and zones are swapped.
                ignore_changes=[
                    "storage.storageSizeGB",
                    "availabilityZone",
                    "highAvailability.standbyAvailabilityZone",
                ],
            ),
        )
