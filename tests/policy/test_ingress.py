from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policy.rules.ingress import INGRESS, TABLE

SECURITY_RULE = "azure-native:network:SecurityRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
FIREWALL = "gcp:compute/firewall:Firewall"
CONTAINER = "docker:index/container:Container"


def _azure(source: str, port: str, **other: Any) -> dict[str, Any]:
    rule = {"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": source, "destinationPortRange": port}
    return {**rule, **other}


def _aws(cidr: str, first: int, last: int, protocol: str = "tcp") -> dict[str, Any]:
    # gRPC hands every number over as a float
    return {"protocol": protocol, "fromPort": float(first), "toPort": float(last), "cidrBlocks": ["10.0.0.0/8", cidr]}


def _gcp(*ports: str, **other: Any) -> dict[str, Any]:
    return {"allows": [{"protocol": "tcp", "ports": list(ports)}], "sourceRanges": ["0.0.0.0/0"], **other}


PASSES: list[tuple[str, dict[str, Any], str]] = [
    ("azure-native:network:NetworkSecurityGroup", {"securityRules": [_azure("Internet", "443")]}, "azure-prod"),
    ("azure-native:network:NetworkSecurityGroup", {}, "azure-prod"),
    (SECURITY_RULE, _azure("*", "31443"), "azure-prod"),
    (SECURITY_RULE, _azure("*", "*", direction="Outbound"), "azure-prod"),
    (SECURITY_RULE, _azure("*", "*", access="Deny"), "azure-prod"),
    (SECURITY_RULE, _azure("VirtualNetwork", "8000"), "azure-prod"),
    (SECURITY_RULE, _azure("10.0.0.0/8", "*"), "azure-prod"),
    (SECURITY_RULE, {"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": "8.8.8.8"}, "azure-prod"),
    ("azure-native:app:ContainerApp", {"configuration": {"ingress": {"external": True}}}, "azure-prod"),
    (
        "azure-native:app:ContainerApp",
        {"configuration": {"ingress": {"additionalPortMappings": [{"external": False, "targetPort": 8001.0}]}}},
        "azure-prod",
    ),
    (GROUP, {"ingress": [_aws("0.0.0.0/0", 443, 443), _aws("10.20.0.0/16", 0, 65535)]}, "aws-prod"),
    (GROUP, {"ingress": [_aws("8.8.8.0/24", 22, 22)]}, "aws-prod"),
    (GROUP, {"egress": [_aws("0.0.0.0/0", 0, 0, "-1")]}, "aws-prod"),
    ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {}, "aws-prod"),
    (OLD_RULE, {"type": "egress", **_aws("0.0.0.0/0", 0, 0, "-1")}, "aws-prod"),
    (OLD_RULE, {"type": "ingress", **_aws("0.0.0.0/0", 80, 80)}, "aws-prod"),
    (RULE, {"ipProtocol": "tcp", "fromPort": 443.0, "toPort": 443.0, "cidrIpv4": "0.0.0.0/0"}, "aws-prod"),
    (RULE, {"ipProtocol": "-1", "referencedSecurityGroupId": "sg-1"}, "aws-prod"),
    (FIREWALL, _gcp("443", "80"), "gcp-prod"),
    (FIREWALL, _gcp("22", disabled=True), "gcp-prod"),
    (FIREWALL, _gcp("22", direction="EGRESS"), "gcp-prod"),
    (FIREWALL, _gcp("8000-8999", sourceRanges=["10.0.0.0/8"]), "gcp-prod"),
    (FIREWALL, _gcp("8000", sourceRanges=[], sourceTags=["proxy"]), "gcp-prod"),
    (FIREWALL, {"denies": [{"protocol": "all"}]}, "gcp-prod"),
    ("gcp:cloudrunv2/serviceIamMember:ServiceIamMember", {"member": "allUsers"}, "gcp-dev"),
    ("gcp:cloudrunv2/serviceIamMember:ServiceIamMember", {"member": "user:a@example.com"}, "gcp-prod"),
    ("gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding", {"members": ["user:a@example.com"]}, "gcp-prod"),
    ("gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding", {"members": ["allUsers"]}, "gcp-dev"),
    (CONTAINER, {"ports": [{"internal": 8000.0, "external": 8080.0, "ip": "127.0.0.1"}]}, "dev"),
    ("gcp:cloudrunv2/jobIamMember:JobIamMember", {"member": "user:a@example.com"}, "gcp-dev"),
    (CONTAINER, {}, "dev"),
]

REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "azure-native:network:NetworkSecurityGroup",
        {"securityRules": [_azure("VirtualNetwork", "*"), _azure("Internet", "22")]},
        "azure-dev",
        "securityRules[1] lets Internet in on port 22",
    ),
    (SECURITY_RULE, _azure("*", "443-8443"), "azure-dev", "lets * in on port 443-8443"),
    (
        SECURITY_RULE,
        {"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": "Internet"},
        "azure-dev",
        "lets Internet in on port *",
    ),
    (SECURITY_RULE, _azure("0.0.0.0/0", "*"), "azure-dev", "lets 0.0.0.0/0 in on port *"),
    (
        SECURITY_RULE,
        {
            "direction": "Inbound",
            "access": "Allow",
            "sourceAddressPrefixes": ["10.0.0.0/8", "::/0"],
            "destinationPortRanges": ["443", "8001"],
        },
        "azure-dev",
        "lets ::/0 in on port 8001",
    ),
    (
        "azure-native:app:ContainerApp",
        {"configuration": {"ingress": {"additionalPortMappings": [{"external": True, "targetPort": 8001.0}]}}},
        "azure-dev",
        "additionalPortMappings[0].external is true",
    ),
    (GROUP, {"ingress": [_aws("0.0.0.0/0", 22, 22)]}, "aws-dev", "ingress[0] lets 0.0.0.0/0 in on port 22-22"),
    (GROUP, {"ingress": [_aws("0.0.0.0/0", 80, 443)]}, "aws-dev", "on port 80-443"),
    (GROUP, {"ingress": [_aws("128.0.0.0/1", 22, 22)]}, "aws-dev", "lets 128.0.0.0/1 in"),
    (
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        {"ingress": [_aws("0.0.0.0/0", 0, 0, "-1")]},
        "aws-dev",
        "on port *",
    ),
    (
        OLD_RULE,
        {"type": "ingress", "protocol": "tcp", "fromPort": 8000.0, "toPort": 8000.0, "ipv6CidrBlocks": ["::/0"]},
        "aws-dev",
        "it lets ::/0 in on port 8000-8000",
    ),
    (RULE, {"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}, "aws-dev", "on port *"),
    (RULE, {"ipProtocol": "tcp", "cidrIpv6": "::/0", "fromPort": 22.0, "toPort": 22.0}, "aws-dev", "lets ::/0 in"),
    (FIREWALL, _gcp("443", "8000"), "gcp-dev", "allows[0] lets 0.0.0.0/0 in on port 8000"),
    (FIREWALL, {"allows": [{"protocol": "all"}], "sourceRanges": ["0.0.0.0/0"]}, "gcp-dev", "in on port *"),
    (FIREWALL, {"allows": [{"protocol": "tcp", "ports": ["22"]}]}, "gcp-dev", "lets 0.0.0.0/0 in on port 22"),
    (
        "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
        {"member": "allUsers"},
        "gcp-prod",
        "lets anyone call it",
    ),
    (
        "gcp:cloudrunv2/serviceIamBinding:ServiceIamBinding",
        {"members": ["user:a@example.com", "allAuthenticatedUsers"]},
        "gcp-prod",
        "lets anyone call it",
    ),
    (CONTAINER, {"ports": [{"internal": 9090.0, "external": 9090.0}]}, "dev", "ports[0].ip is not set"),
    (CONTAINER, {"ports": [{"internal": 9090.0, "ip": "0.0.0.0"}]}, "dev", 'ports[0].ip is "0.0.0.0"'),
    ("gcp:cloudrunv2/jobIamMember:JobIamMember", {"member": "allUsers"}, "gcp-dev", "lets anyone call it"),
    (CONTAINER, {"publishAllPorts": True}, "dev", "publishAllPorts is true"),
]


@pytest.mark.parametrize(("kind", "inputs", "stack"), PASSES)
def test_named_sources_and_a_load_balancers_ports_pass(
    judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any], stack: str
) -> None:
    assert judge(INGRESS, kind, inputs, stack=stack) == []


@pytest.mark.parametrize(("kind", "inputs", "stack", "words"), REFUSED)
def test_an_opening_for_everyone_is_refused(
    judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any], stack: str, words: str
) -> None:
    [message] = judge(INGRESS, kind, inputs, stack=stack)
    assert words in message


def test_every_type_of_the_table_was_passed_and_refused() -> None:
    assert {kind for kind, _, _ in PASSES} == {kind for kind, _, _, _ in REFUSED} == set(TABLE)
