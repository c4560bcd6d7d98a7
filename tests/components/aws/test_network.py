from __future__ import annotations

import ipaddress
import itertools
import json
from collections.abc import Callable

import pytest

from components.aws.load_balancer import VERIFICATION_PORTS
from tests.components.aws.fakes import REGION
from tests.components.harness import Run

Stack = Callable[..., Run]
BALANCER = "compute-balancer-boundaries-load-balancer-id"
SERVICE = "compute-balancer-boundaries-service-id"
WORKLOAD = "network-workload-id"


def ingress(run: Run, group: str) -> set[tuple[int, str]]:
    """Ports of a group and who may reach them: a range or another group."""
    rules = [rule.inputs for rule in run.of("SecurityGroupIngressRule") if rule.inputs["securityGroupId"] == group]
    assert all(rule["ipProtocol"] == "tcp" and rule["fromPort"] == rule["toPort"] for rule in rules)
    return {(int(rule["fromPort"]), rule.get("cidrIpv4") or rule["referencedSecurityGroupId"]) for rule in rules}


def egress(run: Run, group: str) -> set[tuple[int, str]]:
    rules = [rule.inputs for rule in run.of("SecurityGroupEgressRule") if rule.inputs["securityGroupId"] == group]
    return {
        (
            int(rule["fromPort"]),
            rule.get("cidrIpv4") or rule.get("prefixListId") or rule["referencedSecurityGroupId"],
        )
        for rule in rules
    }


@pytest.mark.parametrize("preview", [False, True])
def test_tasks_reach_aws_through_endpoints_and_there_is_no_nat_gateway(stack: Stack, preview: bool) -> None:
    run = stack("prod", preview=preview)
    services = {endpoint.inputs["serviceName"] for endpoint in run.of("VpcEndpoint")}
    wanted = ("ecr.api", "ecr.dkr", "s3", "logs", "secretsmanager", "sts", "aps-workspaces")
    assert services == {f"com.amazonaws.{REGION}.{service}" for service in wanted}
    run.none("NatGateway")
    run.none("InternetGateway")
    run.none("ec2/route:Route")


def test_the_only_way_out_of_a_task_is_https_to_the_endpoints_and_to_s3(stack: Stack) -> None:
    run = stack("dev", "bare")
    assert egress(run, WORKLOAD) == {(443, "network-endpoints-id"), (443, "network-endpoints-s3-prefix_list_id")}
    assert ingress(run, "network-endpoints-id") == {(443, WORKLOAD)}
    assert WORKLOAD not in {rule.inputs["securityGroupId"] for rule in run.of("SecurityGroupIngressRule")}


def test_s3_leads_to_own_buckets_and_to_the_layers_of_ecr_alone(stack: Stack) -> None:
    s3 = stack("dev").one("VpcEndpoint", "s3").inputs
    own, layers = json.loads(s3["policy"])["Statement"]
    assert s3["vpcEndpointType"] == "Gateway"
    assert own["Condition"] == {"StringEquals": {"aws:ResourceAccount": "123456789012"}}
    assert layers["Resource"] == f"arn:aws:s3:::prod-{REGION}-starport-layer-bucket/*"
    assert layers["Action"] == ["s3:GetObject"]


def test_with_nat_every_zone_of_production_has_its_gateway_and_a_dev_stack_one(stack: Stack) -> None:
    for tier, gateways in (("dev", 1), ("prod", 3)):
        run = stack(tier, "changed")
        assert len(run.of("NatGateway")) == gateways
        assert len([route for route in run.of("ec2/route:Route") if "natGatewayId" in route.inputs]) == 3
        assert (443, "0.0.0.0/0") in egress(run, WORKLOAD)


def test_subnets_lie_in_the_range_and_apart_and_a_new_zone_moves_none(stack: Stack) -> None:
    two, three = stack("dev"), stack("dev", "changed")

    def offsets(run: Run) -> dict[str, tuple[int, int]]:
        """Where each subnet begins and ends within the VPC."""
        whole = ipaddress.IPv4Network(run.one("ec2/vpc:Vpc").inputs["cidrBlock"])
        found = {subnet.name: ipaddress.IPv4Network(subnet.inputs["cidrBlock"]) for subnet in run.of("Subnet")}
        assert all(subnet.subnet_of(whole) for subnet in found.values())
        base = int(whole.network_address)
        return {
            name: (int(subnet.network_address) - base, int(subnet.broadcast_address) - base)
            for name, subnet in found.items()
        }

    spans = sorted(offsets(three).values())
    assert len(spans) == 9
    assert all(end < start for (_, end), (start, _) in itertools.pairwise(spans))
    assert offsets(two).items() <= offsets(three).items()
    assert not [subnet for subnet in three.of("Subnet") if subnet.inputs["mapPublicIpOnLaunch"]]


def test_flows_are_logged_in_production_and_the_default_group_is_empty(stack: Stack) -> None:
    prod = stack("prod")
    flow_log = prod.one("FlowLog").inputs
    group = prod.one("LogGroup", "flows").inputs
    assert (flow_log["trafficType"], flow_log["vpcId"]) == ("ALL", "network-id")
    assert (group["retentionInDays"], group["kmsKeyId"]) == (90, f"arn:aws:kms:{REGION}:123456789012:key/account")
    stack("dev").none("FlowLog")
    for run in (prod, stack("dev")):
        default = run.one("DefaultSecurityGroup").inputs
        assert "ingress" not in default
        assert "egress" not in default


def test_dev_pays_for_endpoints_in_one_zone_and_production_has_them_in_all(stack: Stack) -> None:
    assert len(stack("dev").one("VpcEndpoint", "logs").inputs["subnetIds"]) == 1
    assert len(stack("prod").one("VpcEndpoint", "logs").inputs["subnetIds"]) == 3


def test_only_the_callers_port_of_a_public_load_balancer_is_open_to_everyone(stack: Stack) -> None:
    run = stack("dev", "changed")
    assert ingress(run, BALANCER) == {(80, "0.0.0.0/0")} | {
        (port, source) for port in VERIFICATION_PORTS.values() for source in ("10.99.0.0/16", "203.0.113.7/32")
    }
    assert ingress(run, SERVICE) == {(8000, BALANCER)}
    assert egress(run, BALANCER) == {(8000, SERVICE)}
    balancer = run.one("lb/loadBalancer:LoadBalancer").inputs
    assert balancer["internal"] is False
    assert set(balancer["subnets"]) == {f"network-public-{zone}-id" for zone in "abc"}


def test_a_private_load_balancer_is_reached_from_the_network_alone(stack: Stack) -> None:
    run = stack("prod")
    admitted = {(port, "10.50.0.0/16") for port in (80, 443, *VERIFICATION_PORTS.values())}
    assert ingress(run, BALANCER) == admitted
    balancer = run.one("lb/loadBalancer:LoadBalancer").inputs
    assert balancer["internal"] is True
    assert set(balancer["subnets"]) == {f"network-workload-{zone}-id" for zone in "abc"}


def test_named_callers_take_the_place_of_everyone(stack: Stack) -> None:
    run = stack("prod", "changed")
    callers = {(port, "198.51.100.0/24") for port in (80, 443)}
    assert ingress(run, BALANCER) == callers | {(port, "10.50.0.0/16") for port in VERIFICATION_PORTS.values()}


def test_a_load_balancer_that_checks_tokens_reaches_their_issuer(stack: Stack) -> None:
    assert egress(stack("prod", "changed"), BALANCER) == {(8000, SERVICE), (443, "0.0.0.0/0")}


def test_groups_have_no_rules_but_those_that_stand_by_themselves(stack: Stack) -> None:
    for run in (stack("dev"), stack("prod")):
        assert not [group.urn for group in run.of("SecurityGroup") if {"ingress", "egress"} & set(group.inputs)]


def test_another_range_gives_the_load_balancer_and_its_groups_other_names(stack: Stack) -> None:
    here, there = stack("dev"), stack("dev", "changed")
    for kind in ("lb/loadBalancer:LoadBalancer", "lb/targetGroup:TargetGroup"):
        names = [{resource.inputs["name"] for resource in run.of(kind)} for run in (here, there)]
        assert not names[0] & names[1]
        assert all(len(name) <= 32 for found in names for name in found)
