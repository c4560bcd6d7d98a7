"""The Container Apps environment: where the service's replicas and the training job run, inside the network."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.app as app
import pulumi_azure_native.privatedns as privatedns

from components import naming
from components.azure.diagnostics import CONTAINER_LOGS, send_logs
from components.azure.network import Network
from components.azure.private_link import private_zone
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.spec import Environment, Ingress

PROFILE = "Consumption"
"""The workload profile that is billed by use and scales to zero."""


class ContainerEnvironment(pulumi.ComponentResource):
    """A workload-profiles environment with an address on the internet, or inside the network alone.

    Outputs: ``environment_id``, and ``domain``, below which each service and revision has its host name.
    """

    environment_id: pulumi.Output[str]
    domain: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        ingress: Ingress,
        *,
        group: ResourceGroup,
        network: Network,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:ContainerEnvironment", name, None, opts)
        private = ingress == "private"
        managed = app.ManagedEnvironment(
            name,
            environment_name=naming.name(environment, "container-environment", name),
            resource_group_name=group.group_name,
            location=group.location,
            vnet_configuration=app.VnetConfigurationArgs(
                infrastructure_subnet_id=network.workload_subnet, internal=private
            ),
            public_network_access=app.PublicNetworkAccess.DISABLED if private else app.PublicNetworkAccess.ENABLED,
            workload_profiles=[app.WorkloadProfileArgs(name=PROFILE, workload_profile_type=PROFILE)],
            zone_redundant=environment.production,
            # To the diagnostic setting below; the alternative would put the workspace's key into the state.
            app_logs_configuration=app.AppLogsConfigurationArgs(destination="azure-monitor"),
            tags=naming.tags(environment),
            # Between public and private it is made anew, under a name that can only be had once.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        send_logs(name, managed.id, telemetry.log_workspace, categories=CONTAINER_LOGS, parent=self)
        if private:
            self._names(name, environment, managed, group=group, network=network)
        self.environment_id = managed.id
        self.domain = managed.default_domain
        self.register_outputs({"environmentId": self.environment_id, "domain": self.domain})

    def _names(
        self,
        name: str,
        environment: Environment,
        managed: app.ManagedEnvironment,
        *,
        group: ResourceGroup,
        network: Network,
    ) -> None:
        """Make every host name of the environment lead to its private address, for whoever is in the network."""
        zone = private_zone(
            name,
            environment,
            managed.default_domain,
            network_=network,
            group=group,
            opts=pulumi.ResourceOptions(parent=self),
        )
        privatedns.PrivateRecordSet(
            name,
            relative_record_set_name="*",
            private_zone_name=zone.name,
            resource_group_name=group.group_name,
            record_type="A",
            ttl=300,
            a_records=[privatedns.ARecordArgs(ipv4_address=managed.static_ip)],
            opts=pulumi.ResourceOptions(parent=self),
        )
