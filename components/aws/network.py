"""A private network in which tasks reach AWS through endpoints, and nobody else."""

from __future__ import annotations

import pulumi
from pulumi_aws import ec2, vpc

from components import cidr, naming
from components.aws.account import Account
from components.aws.endpoints import Endpoints
from components.aws.flow_logs import FlowLogs
from components.aws.groups import group_name
from components.aws.settings import Settings
from components.spec import Environment, NetworkSpec

ANYWHERE = "0.0.0.0/0"
HTTPS = 443
# Prefix lengths per zone: tasks take an address each; a load balancer wants a /27 and eight free addresses
# (docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#availability-zones).
_TIERS = {"workload": 24, "public": 26, "data": 27}


class Network(pulumi.ComponentResource):
    """A VPC with three tiers of subnets in every zone: public (a load balancer that faces the internet, NAT), workload
    (tasks, a load balancer that does not) and data (the endpoints of AWS, a database).

    Only the public tier has a route to the internet, and there is a gateway only when something needs it. Tasks carry
    ``workload_group``, which lets nothing in and out only to the endpoints, to S3, and with ``aws.nat`` to any HTTPS.
    The VPC's own default group is emptied. In production all flows are logged.

    Outputs: ``cidr`` (the range, known at once), ``vpc``, ``public_subnets``, ``workload_subnets`` and
    ``data_subnets`` (ids, one per zone), ``workload_group``.
    """

    cidr: str
    vpc: pulumi.Output[str]
    public_subnets: list[pulumi.Output[str]]
    workload_subnets: list[pulumi.Output[str]]
    data_subnets: list[pulumi.Output[str]]
    workload_group: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: NetworkSpec,
        *,
        settings: Settings,
        account: Account,
        public: bool,
        log_retention_days: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Network", name, None, opts)
        self._name, self._environment, self._settings, self._account = name, environment, settings, account
        self._child = pulumi.ResourceOptions(parent=self)
        self.cidr = spec.cidr
        self.vpc = ec2.Vpc(
            name,
            ec2.VpcArgs(
                cidr_block=spec.cidr, enable_dns_support=True, enable_dns_hostnames=True, tags=self._tags("main")
            ),
            opts=self._child,
        ).id
        ec2.DefaultSecurityGroup(
            name, ec2.DefaultSecurityGroupArgs(vpc_id=self.vpc, tags=self._tags("default")), opts=self._child
        )
        self._ranges = cidr.subnets(
            spec.cidr, {f"{tier}-{zone}": size for zone in settings.zones for tier, size in _TIERS.items()}
        )
        self.workload_subnets = [self._subnet("workload", zone) for zone in settings.zones]
        self.public_subnets = [self._subnet("public", zone) for zone in settings.zones]
        self.data_subnets = [self._subnet("data", zone) for zone in settings.zones]
        if public or settings.nat:
            self._internet()
        tables = self._private_routes()
        self.workload_group = self._workload_group()
        endpoints = Endpoints(
            f"{name}-endpoints",
            environment,
            account=account,
            cidr=self.cidr,
            vpc_id=self.vpc,
            route_tables=tables,
            # An endpoint costs by the zone and the hour: dev takes one zone and its loss.
            subnets=self.data_subnets if environment.production else self.data_subnets[:1],
            callers=self.workload_group,
            opts=self._child,
        )
        self._let_out("endpoints", group=endpoints.group)
        self._let_out("s3", prefix_list=endpoints.s3_prefix_list)
        if settings.nat:
            self._let_out("internet", addresses=ANYWHERE)
        if environment.production:
            FlowLogs(
                f"{name}-flows",
                environment,
                account=account,
                vpc_id=self.vpc,
                retention_days=log_retention_days,
                opts=self._child,
            )
        self.register_outputs(
            {
                "vpc": self.vpc,
                "public_subnets": self.public_subnets,
                "workload_subnets": self.workload_subnets,
                "data_subnets": self.data_subnets,
                "workload_group": self.workload_group,
            }
        )

    def _tags(self, part: str) -> dict[str, str]:
        """The tags of a resource whose only name is the Name tag."""
        return {**naming.tags(self._environment), "Name": naming.name(self._environment, "resource", part)}

    def _subnet(self, tier: str, zone: str) -> pulumi.Output[str]:
        """One subnet; no tier gives its machines public addresses by itself."""
        part = f"{tier}-{zone}"
        return ec2.Subnet(
            f"{self._name}-{part}",
            ec2.SubnetArgs(
                vpc_id=self.vpc,
                cidr_block=self._ranges[part],
                availability_zone=f"{self._settings.region}{zone}",
                map_public_ip_on_launch=False,
                tags=self._tags(part),
            ),
            opts=self._child,
        ).id

    def _internet(self) -> None:
        """The gateway, and the public tier's route to it."""
        gateway = ec2.InternetGateway(
            self._name, ec2.InternetGatewayArgs(vpc_id=self.vpc, tags=self._tags("main")), opts=self._child
        )
        table = self._route_table("public", self.public_subnets)
        ec2.Route(
            f"{self._name}-public",
            ec2.RouteArgs(route_table_id=table, destination_cidr_block=ANYWHERE, gateway_id=gateway.id),
            opts=self._child,
        )

    def _private_routes(self) -> list[pulumi.Output[str]]:
        """A table per zone for the workload: without any route out, or with one to the zone's NAT gateway.

        Dev shares the first zone's gateway.
        """
        tables = [
            self._route_table(f"workload-{zone}", [subnet])
            for zone, subnet in zip(self._settings.zones, self.workload_subnets, strict=True)
        ]
        if self._settings.nat:
            gateways = [
                self._nat(zone, subnet)
                for zone, subnet in zip(self._settings.zones, self.public_subnets, strict=True)
                if self._environment.production or zone == self._settings.zones[0]
            ]
            for index, (zone, table) in enumerate(zip(self._settings.zones, tables, strict=True)):
                ec2.Route(
                    f"{self._name}-workload-{zone}",
                    ec2.RouteArgs(
                        route_table_id=table,
                        destination_cidr_block=ANYWHERE,
                        nat_gateway_id=gateways[min(index, len(gateways) - 1)],
                    ),
                    opts=self._child,
                )
        return tables

    def _route_table(self, part: str, subnets: list[pulumi.Output[str]]) -> pulumi.Output[str]:
        """A table for these subnets, with the route within the VPC that every table has."""
        table = ec2.RouteTable(
            f"{self._name}-{part}",
            ec2.RouteTableArgs(vpc_id=self.vpc, tags=self._tags(part)),
            opts=self._child,
        )
        for index, subnet in enumerate(subnets):
            ec2.RouteTableAssociation(
                f"{self._name}-{part}-{index}",
                ec2.RouteTableAssociationArgs(subnet_id=subnet, route_table_id=table.id),
                opts=self._child,
            )
        return table.id

    def _nat(self, zone: str, subnet: pulumi.Output[str]) -> pulumi.Output[str]:
        """A NAT gateway with an address of its own."""
        address = ec2.Eip(
            f"{self._name}-nat-{zone}",
            ec2.EipArgs(domain="vpc", tags=self._tags(f"nat-{zone}")),
            opts=self._child,
        )
        return ec2.NatGateway(
            f"{self._name}-{zone}",
            ec2.NatGatewayArgs(subnet_id=subnet, allocation_id=address.allocation_id, tags=self._tags(f"nat-{zone}")),
            opts=self._child,
        ).id

    def _workload_group(self) -> pulumi.Output[str]:
        """What every task carries: nothing may come in by it."""
        return ec2.SecurityGroup(
            f"{self._name}-workload",
            ec2.SecurityGroupArgs(
                vpc_id=self.vpc,
                name=group_name(self._environment, "workload", self.cidr),
                description="Tasks: out to the endpoints of AWS",
                tags=self._tags("workload"),
            ),
            opts=self._child,
        ).id

    def _let_out(
        self,
        part: str,
        *,
        group: pulumi.Output[str] | None = None,
        prefix_list: pulumi.Output[str] | None = None,
        addresses: str | None = None,
    ) -> None:
        """HTTPS from the tasks to a group, a list of AWS's own addresses or a range."""
        vpc.SecurityGroupEgressRule(
            f"{self._name}-workload-{part}",
            vpc.SecurityGroupEgressRuleArgs(
                security_group_id=self.workload_group,
                ip_protocol="tcp",
                from_port=HTTPS,
                to_port=HTTPS,
                referenced_security_group_id=group,
                prefix_list_id=prefix_list,
                cidr_ipv4=addresses,
                tags=self._tags(f"workload-{part}"),
            ),
            opts=self._child,
        )
