"""What all concepts of a stack share: the account and the key that encrypts everything at rest."""

from __future__ import annotations

import pulumi
from pulumi_aws import kms

from components import naming
from components.aws.policies import allow, allow_service, document
from components.aws.settings import Settings
from components.spec import Environment


class WrongRegionError(Exception):
    """The provider works in another region than the stack's settings say."""


class Account(pulumi.ComponentResource):
    """One key, rotated yearly, for logs, metrics, images and artifacts; its ARN says which account this is.

    Nothing is looked up, so that a preview needs no credentials.

    Outputs: ``id``, ``key_arn`` (known when the key may be used), and ``region``, known at once.
    """

    id: pulumi.Output[str]
    region: str
    key_arn: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        settings: Settings,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Account", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.region = settings.region
        key = kms.Key(
            name,
            kms.KeyArgs(
                description=f"Data at rest of {environment.project} {environment.stack}",
                enable_key_rotation=True,
                deletion_window_in_days=30 if environment.production else 7,
                tags=naming.tags(environment),
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        kms.Alias(
            name,
            kms.AliasArgs(name=f"alias/{naming.name(environment, 'resource', 'data')}", target_key_id=key.key_id),
            opts=child,
        )
        self.id = key.arn.apply(lambda arn: _account_of(arn, settings.region))
        policy = kms.KeyPolicy(name, kms.KeyPolicyArgs(key_id=key.key_id, policy=self._key_policy()), opts=child)
        self.key_arn = pulumi.Output.all(key.arn, policy.id).apply(lambda known: known[0])
        self.register_outputs({"id": self.id, "key_arn": self.key_arn})

    def _key_policy(self) -> pulumi.Output[str]:
        """Who may use the key: the account through IAM, its logs, and what publishes to its encrypted topics."""
        owner = {
            **allow(["kms:*"], "*"),
            "Principal": {"AWS": pulumi.Output.format("arn:aws:iam::{0}:root", self.id)},
        }
        # docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        groups = pulumi.Output.format("arn:aws:logs:{0}:{1}:log-group:*", self.region, self.id)
        logs = allow_service(
            f"logs.{self.region}.amazonaws.com",
            ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
            "*",
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
        )
        # docs.aws.amazon.com/sns/latest/dg/sns-key-management.html and prometheus/latest/userguide/
        # AMP-alertmanager-receiver-AMPpermission.html: whoever publishes to an encrypted topic needs these two.
        publishers = allow_service(
            ["cloudwatch.amazonaws.com", "events.amazonaws.com", "aps.amazonaws.com"],
            ["kms:GenerateDataKey*", "kms:Decrypt"],
            "*",
        )
        return document(owner, logs, publishers)


def _account_of(arn: str, region: str) -> str:
    """The account in an ARN, which must be of ``region``."""
    _, _, _, found, account, _ = arn.split(":", 5)
    if found != region:
        raise WrongRegionError(f"aws:region is {found}, but the stack's aws.region is {region}; set both to the same")
    return account
