"""Who talked to whom in the network, kept with the other logs."""

from __future__ import annotations

import pulumi
from pulumi_aws import cloudwatch, ec2

from components import naming
from components.aws.account import Account
from components.aws.policies import Role, allow
from components.spec import Environment


class FlowLogs(pulumi.ComponentResource):
    """The flows of a VPC, accepted and refused, in an encrypted log group."""

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        account: Account,
        vpc_id: pulumi.Input[str],
        retention_days: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:FlowLogs", name, None, opts)
        group = cloudwatch.LogGroup(
            name,
            cloudwatch.LogGroupArgs(
                name=naming.name(environment, "log-group", "flows"),
                retention_in_days=retention_days,
                kms_key_id=account.key_arn,
                tags=naming.tags(environment),
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        # docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html, less logs:CreateLogGroup: it exists
        role = Role(
            name,
            environment,
            "flows",
            service="vpc-flow-logs.amazonaws.com",
            account_id=account.id,
            statements=[
                allow(
                    ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                    pulumi.Output.concat(group.arn, ":*"),
                ),
                allow(["logs:DescribeLogGroups"], "*"),
            ],
            opts=pulumi.ResourceOptions(parent=self),
        )
        ec2.FlowLog(
            name,
            ec2.FlowLogArgs(
                vpc_id=vpc_id,
                traffic_type="ALL",
                log_destination_type="cloud-watch-logs",
                log_destination=group.arn,
                iam_role_arn=role.arn,
                tags={**naming.tags(environment), "Name": naming.name(environment, "resource", "flows")},
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
        self.register_outputs({})
