"""The private network: one subnet for the workload, one for the private endpoints of the data it uses."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.network as network
import pulumi_azure_native.privatedns as privatedns

from components import cidr, naming
from components.azure.flow_logs import flow_logs
from components.azure.security_rules import endpoint_rules, workload_rules
from components.azure.settings import check_network
from components.azure.shared import ResourceGroup
from components.spec import Environment, NetworkSpec

# A Container Apps environment takes at least a /27; a /23 leaves room for scaling and for revisions side by side
# (learn.microsoft.com/azure/container-apps/networking#subnet).
SUBNETS = {"workload": 23, "endpoints": 27}


class Network(pulumi.ComponentResource):
    """Virtual network, subnets and their boundaries; in production with flow logs.

    ``database`` opens the way from the workload to a PostgreSQL among the endpoints.

    Outputs: ``network_id``, ``workload_subnet`` and ``endpoints_subnet`` (resource ids). ``zones`` holds the private
    DNS zones of services by their names, as their private links make them (``private_link.py``).
    """

    network_id: pulumi.Output[str]
    workload_subnet: pulumi.Output[str]
    endpoints_subnet: pulumi.Output[str]
    zones: dict[str, privatedns.PrivateZone]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: NetworkSpec,
        *,
        group: ResourceGroup,
        database: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:Network", name, None, opts)
        check_network(spec)
        self._name, self._environment, self._group = name, environment, group
        ranges = cidr.subnets(spec.cidr, SUBNETS)
        workload = self._boundary(
            "workload",
            workload_rules(
                ranges["workload"], ranges["endpoints"], group.location, environment.tier, database=database
            ),
        )
        endpoints = self._boundary(
            "endpoints", endpoint_rules(ranges["workload"], ranges["endpoints"], database=database)
        )
        virtual_network = network.VirtualNetwork(
            name,
            virtual_network_name=naming.name(environment, "virtual-network", name),
            resource_group_name=group.group_name,
            location=group.location,
            address_space=network.AddressSpaceArgs(address_prefixes=[spec.cidr]),
            subnets=[
                network.SubnetArgs(
                    name="workload",
                    address_prefix=ranges["workload"],
                    network_security_group=network.NetworkSecurityGroupArgs(id=workload.id),
                    delegations=[network.DelegationArgs(name="environment", service_name="Microsoft.App/environments")],
                    service_endpoints=[network.ServiceEndpointPropertiesFormatArgs(service="Microsoft.Storage")],
                ),
                network.SubnetArgs(
                    name="endpoints",
                    address_prefix=ranges["endpoints"],
                    network_security_group=network.NetworkSecurityGroupArgs(id=endpoints.id),
                    # Security groups hold for private endpoints only where this is switched on.
                    private_endpoint_network_policies=(
                        network.VirtualNetworkPrivateEndpointNetworkPolicies.NETWORK_SECURITY_GROUP_ENABLED
                    ),
                    default_outbound_access=False,
                ),
            ],
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(parent=self),
        )
        if environment.production:
            flow_logs(f"{name}-flows", environment, network_id=virtual_network.id, group=group, parent=self)
        self.zones = {}
        self.network_id = virtual_network.id
        self.workload_subnet = pulumi.Output.concat(virtual_network.id, "/subnets/workload")
        self.endpoints_subnet = pulumi.Output.concat(virtual_network.id, "/subnets/endpoints")
        self.register_outputs({"networkId": self.network_id})

    def _boundary(self, part: str, rules: list[network.SecurityRuleArgs]) -> network.NetworkSecurityGroup:
        """The security group of one subnet."""
        return network.NetworkSecurityGroup(
            f"{self._name}-{part}",
            network_security_group_name=naming.name(self._environment, "network-security-group", part),
            resource_group_name=self._group.group_name,
            location=self._group.location,
            security_rules=rules,
            tags=naming.tags(self._environment),
            opts=pulumi.ResourceOptions(parent=self),
        )
