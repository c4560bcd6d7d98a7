"""What may pass between ingress, workload, data and the outside: pure data, read by the security groups.

The workload's rules are those that a workload-profiles environment asks for
(learn.microsoft.com/azure/container-apps/firewall-integration); everything else is denied. Traffic of a public
ingress comes in through Azure's own address and never passes the subnet's inbound rules.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi_azure_native.network as network

from components.spec import Tier
from components.tracking import PORT

_DENY_ALL_PRIORITY = 4096
_FIRST_PRIORITY = 100


def workload_rules(
    workload: str, endpoints: str, location: str, tier: Tier, *, database: bool
) -> list[network.SecurityRuleArgs]:
    """Rules of the workload's subnet; ``workload`` and ``endpoints`` are the subnets' ranges.

    ``database`` lets the workload reach a PostgreSQL among the endpoints.
    """
    inbound = [
        _allow("callers", "Inbound", "Tcp", "VirtualNetwork", workload, ["443", "31443"]),
        _allow("load-balancer", "Inbound", "Tcp", "AzureLoadBalancer", workload, ["30000-32767"]),
        _allow("within", "Inbound", "*", workload, workload, ["*"]),
    ]
    outbound = [
        _allow("within", "Outbound", "*", workload, workload, ["*"]),
        _allow("data", "Outbound", "Tcp", workload, endpoints, ["443"]),
        _allow("dns", "Outbound", "*", workload, "168.63.129.16", ["53"]),
        *(
            _allow(f"to-{service.partition('.')[0].lower()}", "Outbound", "Tcp", workload, service, ["443"])
            for service in (
                "MicrosoftContainerRegistry",
                "AzureFrontDoor.FirstParty",
                "AzureContainerRegistry",
                f"Storage.{location}",
                "AzureActiveDirectory",
                "AzureMonitor",
                "AzureKeyVault",
            )
        ),
        *([_allow("database", "Outbound", "Tcp", workload, endpoints, [str(PORT)])] if database else []),
    ]
    # A dev stack may pull the side-car's image from its public registry; production mirrors it into its own.
    closed = [_deny("Outbound")] if tier == "prod" else []
    return _numbered([*inbound, _deny("Inbound")]) + _numbered([*outbound, *closed])


def endpoint_rules(workload: str, endpoints: str, *, database: bool) -> list[network.SecurityRuleArgs]:
    """Rules of the private endpoints' subnet: the workload reaches the data, nothing else does, nothing leaves."""
    inbound = [_allow("workload", "Inbound", "Tcp", workload, endpoints, ["443"])]
    if database:
        inbound.append(_allow("database", "Inbound", "Tcp", workload, endpoints, [str(PORT)]))
    return _numbered([*inbound, _deny("Inbound")]) + _numbered([_deny("Outbound")])


def _allow(
    name: str, direction: str, protocol: str, source: str, destination: str, ports: Sequence[str]
) -> network.SecurityRuleArgs:
    """Let ``source`` reach ``destination`` (a range or a service tag) on ``ports``."""
    single = ports[0] if len(ports) == 1 else None
    return network.SecurityRuleArgs(
        name=f"allow-{name}-{direction.lower()}",
        access=network.SecurityRuleAccess.ALLOW,
        direction=network.SecurityRuleDirection(direction),
        protocol=network.SecurityRuleProtocol(protocol),
        source_address_prefix=source,
        source_port_range="*",
        destination_address_prefix=destination,
        destination_port_range=single,
        destination_port_ranges=None if single else ports,
    )


def _deny(direction: str) -> network.SecurityRuleArgs:
    """Refuse what no rule before allowed, also what Azure's default rules would let through within the network."""
    return network.SecurityRuleArgs(
        name=f"deny-all-{direction.lower()}",
        access=network.SecurityRuleAccess.DENY,
        direction=network.SecurityRuleDirection(direction),
        protocol=network.SecurityRuleProtocol.ASTERISK,
        source_address_prefix="*",
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_range="*",
        priority=_DENY_ALL_PRIORITY,
    )


def _numbered(rules: list[network.SecurityRuleArgs]) -> list[network.SecurityRuleArgs]:
    """The rules of one direction with their priorities, in order, ten apart."""
    for index, rule in enumerate(rules):
        if rule.priority is None:
            rule.priority = _FIRST_PRIORITY + 10 * index
    return rules
