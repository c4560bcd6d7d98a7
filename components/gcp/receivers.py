"""The notification channels of Cloud Monitoring that the receivers of a stack become."""

from __future__ import annotations

import pulumi
import pulumi_gcp.monitoring as monitoring

from components import naming
from components.gcp.settings import Settings
from components.spec import Environment, Receiver, UnsupportedError

# Opsgenie's own address for alerts of Cloud Monitoring.
_OPSGENIE = "https://api.opsgenie.com/v1/json/googlestackdriver?apiKey="


def channel(
    name: str, environment: Environment, receiver: Receiver, settings: Settings, opts: pulumi.ResourceOptions
) -> monitoring.NotificationChannel:
    """The channel of one receiver. Addresses that hold a key are secrets in the state.

    Source of types and labels: cloud.google.com/monitoring/alerts/using-channels-api.
    """
    labels: dict[str, pulumi.Input[str]] = {}
    sensitive: monitoring.NotificationChannelSensitiveLabelsArgs | None = None
    match receiver.kind:
        case "email":
            type_ = "email"
            labels["email_address"] = receiver.address
        case "pagerduty":
            type_ = "pagerduty"
            sensitive = monitoring.NotificationChannelSensitiveLabelsArgs(
                service_key=pulumi.Output.secret(receiver.address)
            )
        case "webhook":
            type_ = "webhook_tokenauth"
            labels["url"] = pulumi.Output.secret(receiver.address)
        case "opsgenie":
            type_ = "webhook_tokenauth"
            labels["url"] = pulumi.Output.secret(pulumi.Output.concat(_OPSGENIE, receiver.address))
        case "slack":
            raise UnsupportedError(
                "gcp",
                f"receiver '{receiver.name}' of kind slack",
                "Cloud Monitoring posts to Slack through an app that only its console installs; use email with the "
                "channel's address, or a webhook that translates",
            )
    return monitoring.NotificationChannel(
        f"{name}-{receiver.name}",
        monitoring.NotificationChannelArgs(
            project=settings.project,
            type=type_,
            display_name=f"{environment.stack} {receiver.name}",
            labels=labels,
            sensitive_labels=sensitive,
            user_labels=naming.tags(environment),
        ),
        opts=opts,
    )
