"""IAM policies as plain data, and roles that hold exactly one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_aws import iam

from components import naming
from components.spec import Environment

Statement = Mapping[str, Any]


def allow(
    actions: Sequence[str], resources: pulumi.Input[Any], condition: Mapping[str, Any] | None = None
) -> Statement:
    """A statement that allows ``actions`` on ``resources``."""
    return {
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": resources,
        **({"Condition": condition} if condition else {}),
    }


def allow_service(
    service: pulumi.Input[Any],
    actions: Sequence[str],
    resources: pulumi.Input[Any],
    condition: Mapping[str, Any] | None = None,
) -> Statement:
    """The same in the policy of a resource, for a service of AWS (or several) acting on its own behalf."""
    return {**allow(actions, resources, condition), "Principal": {"Service": service}}


def document(*statements: Statement) -> pulumi.Output[str]:
    """The JSON text of a policy."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Role(pulumi.ComponentResource):
    """A role that one AWS service may take on for this account, with one policy and nothing else.

    Depend on the component, not on ``arn``: its policy must stand before the role is used. ``own_account_only`` keeps
    the service from taking the role on behalf of another account.

    Output: ``arn``.
    """

    arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        part: str,
        *,
        service: str,
        account_id: pulumi.Input[str],
        statements: Sequence[Statement],
        own_account_only: bool = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Role", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        trust: dict[str, Any] = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": service},
        }
        if own_account_only:
            trust["Condition"] = {"StringEquals": {"aws:SourceAccount": account_id}}
        role = iam.Role(
            name,
            iam.RoleArgs(
                name=naming.name(environment, "role", part),
                assume_role_policy=document(trust),
                tags=naming.tags(environment),
            ),
            opts=child,
        )
        iam.RolePolicy(name, iam.RolePolicyArgs(role=role.name, policy=document(*statements)), opts=child)
        self.arn = role.arn
        self.register_outputs({"arn": self.arn})
