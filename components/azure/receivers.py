"""The action groups that a stack's receivers become: one for each severity that somebody wants to hear of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pulumi
import pulumi_azure_native.monitor as monitor

from components import naming
from components.azure.shared import ResourceGroup
from components.spec import Environment, Receiver, UnsupportedError
from observability.rules import Severity

# What stands before and after the integration's key. PagerDuty: learn.microsoft.com/azure/service-health/
# service-health-alert-webhook-pagerduty. Opsgenie: its integration for Azure Monitor, as public action groups name it;
# Microsoft's page has only the one for service health, which ends in azureservicehealth.
_PAGERDUTY = ("https://events.pagerduty.com/integration/", "/enqueue")
_OPSGENIE = ("https://api.opsgenie.com/v1/json/azure?apiKey=", "")


def action_groups(
    environment: Environment, receivers: Sequence[Receiver], *, group: ResourceGroup, parent: pulumi.Resource
) -> dict[Severity, monitor.ActionGroup]:
    """The action group of each severity that has receivers."""
    wanted = {
        severity: [receiver for receiver in receivers if severity in receiver.severities]
        for severity in get_args(Severity)
    }
    return {
        severity: monitor.ActionGroup(
            severity,
            action_group_name=naming.name(environment, "resource", severity),
            group_short_name=naming.name(environment, "action-group-short", severity),
            resource_group_name=group.group_name,
            location="Global",
            enabled=True,
            email_receivers=[_email(receiver) for receiver in found if receiver.kind == "email"],
            webhook_receivers=[_webhook(receiver) for receiver in found if receiver.kind != "email"],
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for severity, found in wanted.items()
        if found
    }


def _email(receiver: Receiver) -> monitor.MicrosoftCommonEmailReceiverArgs:
    """A mail for each alert."""
    return monitor.MicrosoftCommonEmailReceiverArgs(
        name=receiver.name, email_address=receiver.address, use_common_alert_schema=True
    )


def _webhook(receiver: Receiver) -> monitor.WebhookReceiverArgs:
    """A post of Azure's common alert schema; the address holds a key and stays encrypted in the state."""
    match receiver.kind:
        case "pagerduty":
            before, after = _PAGERDUTY
        case "opsgenie":
            before, after = _OPSGENIE
        case "slack":
            raise UnsupportedError(
                "azure",
                f"receiver '{receiver.name}' of kind slack",
                "action groups post their own format, which Slack refuses; use email with the channel's address, or a "
                "webhook that translates",
            )
        case _:
            before = after = ""
    return monitor.WebhookReceiverArgs(
        name=receiver.name,
        service_uri=pulumi.Output.secret(pulumi.Output.concat(before, receiver.address, after)),
        use_common_alert_schema=True,
    )
