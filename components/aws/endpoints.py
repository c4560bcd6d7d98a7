"""The ways from the private network to AWS's own services, in place of a NAT gateway."""

from __future__ import annotations

import pulumi
from pulumi_aws import ec2, vpc

from components import naming
from components.aws.account import Account
from components.aws.groups import group_name
from components.aws.policies import allow, document
from components.spec import Environment

# Pulling (docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html), logging, secrets (docs.aws.amazon.com/
# AmazonECS/latest/developerguide/vpc-endpoints.html), identity and the remote-write of metrics (docs.aws.amazon.com/
# prometheus/latest/userguide/AMP-and-interface-VPC.html). Fargate needs none for ECS itself in regions opened before
# December 2023.
INTERFACES = ("ecr.api", "ecr.dkr", "logs", "secretsmanager", "sts", "aps-workspaces")


class Endpoints(pulumi.ComponentResource):
    """A network interface for each service, open on HTTPS to ``callers`` alone, and a route to S3.

    By the route to S3 nothing is reached but this account's own buckets and, read-only, the one in which ECR keeps its
    layers: data cannot leave through a bucket of somebody else.

    Outputs: ``group`` (of the interfaces), ``s3_prefix_list`` (the addresses of S3).
    """

    group: pulumi.Output[str]
    s3_prefix_list: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        account: Account,
        cidr: str,
        vpc_id: pulumi.Input[str],
        route_tables: list[pulumi.Output[str]],
        subnets: list[pulumi.Output[str]],
        callers: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Endpoints", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)

        def tags(part: str) -> dict[str, str]:
            return {**naming.tags(environment), "Name": naming.name(environment, "resource", part)}

        self.group = ec2.SecurityGroup(
            name,
            ec2.SecurityGroupArgs(
                vpc_id=vpc_id,
                name=group_name(environment, "endpoints", cidr),
                description="Endpoints of AWS: HTTPS from the tasks",
                tags=tags("endpoints"),
            ),
            opts=child,
        ).id
        vpc.SecurityGroupIngressRule(
            name,
            vpc.SecurityGroupIngressRuleArgs(
                security_group_id=self.group,
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                referenced_security_group_id=callers,
                tags=tags("endpoints"),
            ),
            opts=child,
        )
        for service in INTERFACES:
            part = service.replace(".", "-")
            ec2.VpcEndpoint(
                f"{name}-{part}",
                ec2.VpcEndpointArgs(
                    vpc_id=vpc_id,
                    service_name=f"com.amazonaws.{account.region}.{service}",
                    vpc_endpoint_type="Interface",
                    private_dns_enabled=True,
                    subnet_ids=subnets,
                    security_group_ids=[self.group],
                    tags=tags(part),
                ),
                opts=child,
            )
        s3 = ec2.VpcEndpoint(
            f"{name}-s3",
            ec2.VpcEndpointArgs(
                vpc_id=vpc_id,
                service_name=f"com.amazonaws.{account.region}.s3",
                vpc_endpoint_type="Gateway",
                route_table_ids=route_tables,
                policy=self._s3_policy(account),
                tags=tags("s3"),
            ),
            opts=child,
        )
        self.s3_prefix_list = s3.prefix_list_id
        self.register_outputs({"group": self.group, "s3_prefix_list": self.s3_prefix_list})

    def _s3_policy(self, account: Account) -> pulumi.Output[str]:
        """What may be reached: own buckets, and ECR's layers (the page on ECR's endpoints names that bucket)."""
        own = allow(["s3:*"], "*", {"StringEquals": {"aws:ResourceAccount": account.id}})
        layers = allow(
            ["s3:GetObject"],
            f"arn:aws:s3:::prod-{account.region}-starport-layer-bucket/*",
        )
        return document({**own, "Principal": "*"}, {**layers, "Principal": "*"})
