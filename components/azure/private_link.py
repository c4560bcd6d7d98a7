"""Private addresses for the services that hold data, so that production reaches them without the internet."""

from __future__ import annotations

from enum import Enum

import pulumi
import pulumi_azure_native.network as network
import pulumi_azure_native.privatedns as privatedns

from components import naming
from components.azure.network import Network
from components.azure.shared import ResourceGroup
from components.spec import Environment


class Service(Enum):
    """Sub-resource and DNS zone of a service (learn.microsoft.com/azure/private-link/private-endpoint-dns)."""

    REGISTRY = ("registry", "privatelink.azurecr.io")
    VAULT = ("vault", "privatelink.vaultcore.azure.net")
    BLOB = ("blob", "privatelink.blob.core.windows.net")


def private_link(
    part: str,
    environment: Environment,
    service: Service,
    *,
    on: pulumi.Input[str],
    network_: Network,
    group: ResourceGroup,
    parent: pulumi.Resource,
) -> pulumi.Resource:
    """An endpoint in the network for the resource whose id is ``on``, and the names that lead to it.

    Returns what a workload has to wait for before it uses the resource.
    """
    subresource, zone_name = service.value
    child = pulumi.ResourceOptions(parent=parent)
    endpoint = network.PrivateEndpoint(
        part,
        private_endpoint_name=naming.name(environment, "resource", part),
        resource_group_name=group.group_name,
        location=group.location,
        subnet=network.SubnetArgs(id=network_.endpoints_subnet),
        private_link_service_connections=[
            network.PrivateLinkServiceConnectionArgs(
                name=subresource, private_link_service_id=on, group_ids=[subresource]
            )
        ],
        tags=naming.tags(environment),
        opts=child,
    )
    zone = private_zone(part, environment, zone_name, network_=network_, group=group, parent=parent)
    return network.PrivateDnsZoneGroup(
        part,
        private_dns_zone_group_name="default",
        resource_group_name=group.group_name,
        private_endpoint_name=endpoint.name,
        private_dns_zone_configs=[network.PrivateDnsZoneConfigArgs(name=subresource, private_dns_zone_id=zone.id)],
        opts=child,
    )


def private_zone(
    part: str,
    environment: Environment,
    zone_name: pulumi.Input[str],
    *,
    network_: Network,
    group: ResourceGroup,
    parent: pulumi.Resource,
) -> privatedns.PrivateZone:
    """A DNS zone that only the network sees."""
    zone = privatedns.PrivateZone(
        part,
        private_zone_name=zone_name,
        resource_group_name=group.group_name,
        location="Global",
        tags=naming.tags(environment),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    privatedns.VirtualNetworkLink(
        part,
        virtual_network_link_name="network",
        private_zone_name=zone.name,
        resource_group_name=group.group_name,
        location="Global",
        virtual_network=privatedns.SubResourceArgs(id=network_.network_id),
        registration_enabled=False,
        tags=naming.tags(environment),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return zone
