"""Who a task is: the role by which ECS starts it, and the role that its own containers have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pulumi

from components.aws.account import Account
from components.aws.policies import Role, Statement, allow
from components.aws.settings import secret_arn
from components.spec import Environment

_TASKS = "ecs-tasks.amazonaws.com"
# The three actions on a repository and the one on none that AmazonECSTaskExecutionRolePolicy allows on "*"
# (docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSTaskExecutionRolePolicy.html).
_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
_LOGIN = ["ecr:GetAuthorizationToken"]


def execution_role(
    name: str,
    environment: Environment,
    part: str,
    *,
    account: Account,
    repositories: Sequence[pulumi.Output[str]],
    log_group: pulumi.Output[str],
    secrets: Iterable[str] = (),
    opts: pulumi.ResourceOptions,
) -> Role:
    """What ECS may do to start a task: pull from these repositories, log to this group, read these secrets."""
    statements = [
        allow(_LOGIN, "*"),
        allow(_PULL, list(repositories)),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], pulumi.Output.concat(log_group, ":*")),
    ]
    arns = sorted({secret_arn(reference) for reference in secrets})
    if arns:
        # Each may be under a key of its own, and which key that is, only its owner knows.
        statements += read_secrets(account, arns, key="*")
    return Role(
        name, environment, part, service=_TASKS, account_id=account.id, statements=statements,
        own_account_only=False, opts=opts,
    )  # fmt: skip


def read_secrets(account: Account, arns: pulumi.Input[Any], *, key: pulumi.Input[str]) -> list[Statement]:
    """Read these secrets, and decrypt by ``key`` what Secrets Manager keeps of them and nothing else
    (docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html).
    """
    through = f"secretsmanager.{account.region}.amazonaws.com"
    context = {"kms:ViaService": through, "kms:EncryptionContext:SecretARN": arns}
    return [
        allow(["secretsmanager:GetSecretValue"], arns),
        allow(["kms:Decrypt"], key, {"StringEquals": context}),
    ]


def task_role(
    name: str,
    environment: Environment,
    part: str,
    *,
    account: Account,
    statements: Sequence[Statement],
    opts: pulumi.ResourceOptions,
) -> Role:
    """What the containers of a task may do."""
    return Role(name, environment, part, service=_TASKS, account_id=account.id, statements=statements, opts=opts)
