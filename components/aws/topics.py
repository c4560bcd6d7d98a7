"""Where alerts leave AWS: a topic per severity, and every receiver at the topics that it listens to."""

from __future__ import annotations

from typing import get_args

import pulumi
from pulumi_aws import sns

from components import naming
from components.aws.account import Account
from components.aws.policies import allow_service, document
from components.spec import Environment, MonitoringSpec, Receiver, UnsupportedError
from observability.rules import Severity

SEVERITIES: tuple[Severity, ...] = get_args(Severity)


class Topics(pulumi.ComponentResource):
    """Encrypted topics that managed Prometheus, alarms and events of this account publish to.

    A subscription by e-mail, or to a webhook, is asked to confirm itself once.

    Output: ``arns`` by severity.
    """

    arns: dict[Severity, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: MonitoringSpec,
        *,
        account: Account,
        workspace_arn: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        subscriptions = [(receiver, *subscription(receiver)) for receiver in spec.receivers]
        super().__init__("mlplatform:aws:Topics", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.arns = {}
        for severity in SEVERITIES:
            topic = sns.Topic(
                f"{name}-{severity}",
                sns.TopicArgs(
                    name=naming.name(environment, "topic", severity),
                    kms_master_key_id=account.key_arn,
                    tags=naming.tags(environment),
                ),
                opts=child,
            )
            policy = sns.TopicPolicy(
                f"{name}-{severity}",
                sns.TopicPolicyArgs(arn=topic.arn, policy=self._policy(topic.arn, account, workspace_arn)),
                opts=child,
            )
            # Known when publishing is allowed.
            self.arns[severity] = pulumi.Output.all(topic.arn, policy.id).apply(lambda known: known[0])
        for receiver, protocol, endpoint, confirms in subscriptions:
            for severity in receiver.severities:
                sns.TopicSubscription(
                    f"{name}-{receiver.name}-{severity}",
                    sns.TopicSubscriptionArgs(
                        topic=self.arns[severity],
                        protocol=protocol,
                        endpoint=endpoint,
                        endpoint_auto_confirms=confirms,
                    ),
                    opts=child,
                )
        self.register_outputs({"arns": dict(self.arns)})

    def _policy(
        self, topic: pulumi.Output[str], account: Account, workspace_arn: pulumi.Input[str]
    ) -> pulumi.Output[str]:
        """Who publishes: the workspace (docs.aws.amazon.com/prometheus/latest/userguide/
        AMP-alertmanager-receiver-AMPpermission.html), this account's alarms, and event rules, for which EventBridge
        documents no condition (eventbridge/latest/userguide/eb-use-resource-based.html).
        """
        own = {"StringEquals": {"AWS:SourceAccount": account.id}}
        alarms = pulumi.Output.format("arn:aws:cloudwatch:{0}:{1}:alarm:*", account.region, account.id)
        return document(
            allow_service(
                "aps.amazonaws.com",
                ["sns:Publish", "sns:GetTopicAttributes"],
                topic,
                {"ArnEquals": {"aws:SourceArn": workspace_arn}, **own},
            ),
            allow_service(
                "cloudwatch.amazonaws.com", ["sns:Publish"], topic, {"ArnLike": {"aws:SourceArn": alarms}, **own}
            ),
            allow_service("events.amazonaws.com", ["sns:Publish"], topic),
        )


def subscription(receiver: Receiver) -> tuple[str, pulumi.Input[str], bool]:
    """Protocol and endpoint of a receiver, and whether that endpoint confirms the subscription by itself.

    PagerDuty and Opsgenie are reached through their integrations for CloudWatch; every message has that form.
    """
    address = receiver.address
    match receiver.kind:
        case "email":
            return "email", address, False
        case "webhook":
            return "https", address, False
        case "pagerduty":
            return "https", pulumi.Output.format("https://events.pagerduty.com/integration/{0}/enqueue", address), True
        case "opsgenie":
            return (
                "https",
                pulumi.Output.format("https://api.opsgenie.com/v1/json/cloudwatch?apiKey={0}", address),
                True,
            )
        case "slack":
            raise UnsupportedError(
                "aws",
                f"the Slack receiver '{receiver.name}' (SNS posts no Slack message)",
                "subscribe Amazon Q Developer in chat applications to the topics by hand, or use a webhook",
            )
