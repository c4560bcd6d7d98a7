"""No ingress from the whole internet but on the load balancer's ports.

Which group guards the load balancer cannot be seen from one rule, so the ports decide: HTTP and HTTPS, and the ports
on which the edge proxy of Container Apps answers behind its load balancer
(https://learn.microsoft.com/azure/container-apps/firewall-integration).
"""

from __future__ import annotations

import ipaddress

from pulumi_policy import ResourceValidationArgs, Severity

from .check import Check, Table, must_be, resource_rule
from .property import Property, show

LOAD_BALANCER_PORTS = {80, 443}
CONTAINER_APPS_EDGE_PORTS = {31080, 31443}
ANYWHERE = {"*", "any", "internet"}
WIDEST_RANGE = {4: 8, 6: 16}
"""The shortest prefix of a public range that still names somebody, so that two halves of the internet do not pass."""
LOOPBACK = {"127.0.0.1", "::1"}


def _is_internet(source: str) -> bool:
    """Whether ``source`` (an address range or one of Azure's service tags) stands for everyone."""
    if source.lower() in ANYWHERE:
        return True
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        return False
    return not network.is_private and network.prefixlen < WIDEST_RANGE[network.version]


def _other_than(ports: set[int], text: str) -> bool:
    """Whether the port range ``text`` (``443``, ``8000-8999``, ``*``) holds more than ``ports``."""
    first, _, last = text.partition("-")
    return not (first.isdecimal() and (last or first) == first and int(first) in ports)


def _refusal(place: Property, source: str, ports: str) -> str:
    """The sentence that refuses an opening."""
    return (
        f"{place.path or 'it'} lets {source} in on port {ports}: only a load balancer's ports (80, 443) may face the"
        " internet; name the address range or the group that may connect"
    )


def _azure(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a network security rule that allows everyone in; its lists and its single values are both read."""
    if found.at("direction").value != "Inbound" or found.at("access").value != "Allow":
        return None
    sources = [found.at(name) for name in ("sourceAddressPrefix", "sourceAddressPrefixes")]
    source = next((text for listed in sources if (text := listed.first(_is_internet))), None)
    if source is None:
        return None
    allowed = LOAD_BALANCER_PORTS | CONTAINER_APPS_EDGE_PORTS
    ports = [found.at(name) for name in ("destinationPortRange", "destinationPortRanges")]
    if not any(listed.is_set for listed in ports):
        return _refusal(found, source, "*")
    port = next((text for listed in ports if (text := listed.first(lambda text: _other_than(allowed, text)))), None)
    return _refusal(found, source, port) if port else None


def _aws(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a security group's rule, inline or a resource of its own, that allows everyone in."""
    if found.at("type").value == "egress":
        return None
    sources = [found.at(name) for name in ("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6")]
    source = next((text for listed in sources if (text := listed.first(_is_internet))), None)
    if source is None:
        return None
    protocol = found.at("protocol" if found.at("protocol").is_set else "ipProtocol").value
    if protocol in ("-1", "all"):
        return _refusal(found, source, "*")
    first, last = found.at("fromPort").value, found.at("toPort").value
    if first == last and first in LOAD_BALANCER_PORTS:
        return None
    return _refusal(found, source, f"{show(first)}-{show(last)}")


def _gcp(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a firewall that allows everyone in; without any source, Google means everyone."""
    allows = found.select("allows.*")
    if found.at("direction").value == "EGRESS" or found.at("disabled").value is True or not allows:
        return None
    named = any(found.at(name).is_set for name in ("sourceRanges", "sourceTags", "sourceServiceAccounts"))
    source = found.at("sourceRanges").first(_is_internet) if named else "0.0.0.0/0"
    if source is None:
        return None
    for allow in allows:
        ports = allow.at("ports")
        if not ports.is_set:
            return _refusal(allow, source, "*")
        if port := ports.first(lambda text: _other_than(LOAD_BALANCER_PORTS, text)):
            return _refusal(allow, source, port)
    return None


def _loopback(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a container's port that the engine would publish on every interface, which is its default."""
    address = found.at("ip").value
    if address in LOOPBACK:
        return None
    return (
        f"{found.path}.ip is {show(address)}: the engine would publish the port to the whole network of this machine;"
        " set it to 127.0.0.1"
    )


def _invoker(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a service or a job that anyone may call."""
    if found.first(lambda member: member in ("allUsers", "allAuthenticatedUsers")) is None:
        return None
    return f"{found.path} lets anyone call it: name the accounts that may"


TABLE: Table = {
    "azure-native:network:NetworkSecurityGroup": (Check("securityRules.*", _azure),),
    "azure-native:network:SecurityRule": (Check("", _azure),),
    "azure-native:app:ContainerApp": (
        must_be(
            "configuration.ingress.additionalPortMappings.*.external",
            False,
            why="a second port would face the internet",
            unset_is_fine=True,
        ),
    ),
    "aws:ec2/securityGroup:SecurityGroup": (Check("ingress.*", _aws),),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": (Check("ingress.*", _aws),),
    "aws:ec2/securityGroupRule:SecurityGroupRule": (Check("", _aws),),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (Check("", _aws),),
    "gcp:compute/firewall:Firewall": (Check("", _gcp),),
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": (Check("member", _invoker, prod_only=True),),
    "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding": (Check("members", _invoker, prod_only=True),),
    "gcp:cloudrunv2/jobIamMember:JobIamMember": (Check("member", _invoker),),
    "docker:index/container:Container": (
        Check("ports.*", _loopback),
        must_be("publishAllPorts", False, why="every port would be published", unset_is_fine=True),
    ),
}

INGRESS = resource_rule("no-open-ingress", "Only a load balancer's ports face the internet.", TABLE, Severity.CRITICAL)
