"""Private addresses for the services that hold data, so that they are reached without the internet."""

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
    POSTGRES = ("postgresqlServer", "privatelink.postgres.database.azure.com")


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
    subresource, _ = service.value
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
    # In a stack that was made with a zone for each endpoint it keeps the endpoint's: its name cannot be had twice.
    former = pulumi.Alias(name=part, parent=parent)
    zone = _zone(service, environment, network_=network_, group=group, former=former)
    return network.PrivateDnsZoneGroup(
        part,
        private_dns_zone_group_name="default",
        resource_group_name=group.group_name,
        private_endpoint_name=endpoint.name,
        private_dns_zone_configs=[network.PrivateDnsZoneConfigArgs(name=subresource, private_dns_zone_id=zone.id)],
        opts=child,
    )


def _zone(
    service: Service,
    environment: Environment,
    *,
    network_: Network,
    group: ResourceGroup,
    former: pulumi.Alias,
) -> privatedns.PrivateZone:
    """The service's zone, made for the first who asks: a resource group has one of a name, and so has a network.

    Each endpoint has its record in it (learn.microsoft.com/azure/private-link/private-endpoint-dns-integration).
    """
    subresource, zone_name = service.value
    if zone_name not in network_.zones:
        network_.zones[zone_name] = private_zone(
            f"{subresource}-zone",
            environment,
            zone_name,
            network_=network_,
            group=group,
            opts=pulumi.ResourceOptions(parent=network_, aliases=[former]),
        )
    return network_.zones[zone_name]


def private_zone(
    part: str,
    environment: Environment,
    zone_name: pulumi.Input[str],
    *,
    network_: Network,
    group: ResourceGroup,
    opts: pulumi.ResourceOptions,
) -> privatedns.PrivateZone:
    """A DNS zone that only the network sees."""
    zone = privatedns.PrivateZone(
        part,
        private_zone_name=zone_name,
        resource_group_name=group.group_name,
        location="Global",
        tags=naming.tags(environment),
        opts=opts,
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
        opts=opts,
    )
    return zone
