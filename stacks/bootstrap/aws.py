"""AWS: an OpenID Connect provider for GitHub, and for each environment a role that only its runs may assume."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from stacks.bootstrap.subjects import ISSUER, Identity, Workflows

AUDIENCE = "sts.amazonaws.com"
"""What aws-actions/configure-aws-credentials asks GitHub's tokens for."""
_CLAIMS = ISSUER.removeprefix("https://")


def program(workflows: Workflows) -> None:
    """``deployPolicies`` are the ARNs of what a deployment may do (docs/clouds/aws.md, Permissions of the deployer).

    ``stateKey`` is the ARN of the key that guards the state's secrets, which a preview must read.
    """
    config = pulumi.Config()
    policies: list[str] = config.require_object("deployPolicies")
    state_key = config.require("stateKey")
    provider = aws.iam.OpenIdConnectProvider("github", url=ISSUER, client_id_lists=[AUDIENCE])
    for identity in workflows.identities:
        role = aws.iam.Role(
            identity.environment,
            name=f"mlplatform-{identity.environment}",
            description=f"Workflows of {workflows.repository} in the environment {identity.environment}",
            assume_role_policy=provider.arn.apply(lambda arn, identity=identity: trust_policy(arn, identity)),
        )
        given = [aws.iam.ManagedPolicy.READ_ONLY_ACCESS.value] if identity.reads_only else policies
        for number, policy in enumerate(given):
            aws.iam.RolePolicyAttachment(f"{identity.environment}-{number}", role=role.name, policy_arn=policy)
        if identity.reads_only:
            aws.iam.RolePolicy(f"{identity.environment}-state", role=role.name, policy=_decrypt(state_key))
        pulumi.export(f"{identity.environment}:AWS_ROLE", role.arn)


def trust_policy(provider: str, identity: Identity) -> str:
    """Who may assume the role: GitHub's tokens for AWS whose subject is this environment, letter by letter."""
    claims = {f"{_CLAIMS}:aud": AUDIENCE, f"{_CLAIMS}:sub": identity.subject}
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": provider},
        "Condition": {"StringEquals": claims},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _decrypt(key: str) -> str:
    statement = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
