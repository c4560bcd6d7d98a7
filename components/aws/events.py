"""What ECS tells once and no metric keeps: deployments taken back, tasks that did not start, containers that fell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch

from components import naming
from components.aws.compute import Compute
from components.spec import Environment
from observability.rules import Severity


@dataclass(frozen=True, kw_only=True)
class _Event:
    """Events that match ``pattern``; ``reason`` is where in them the reason stands."""

    severity: Severity
    pattern: Mapping[str, Any]
    reason: str


def events(
    name: str,
    environment: Environment,
    *,
    compute: Compute,
    topics: Mapping[Severity, pulumi.Output[str]],
    opts: pulumi.ResourceOptions,
) -> None:
    """Send each to the topic of its severity.

    Fields: docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html and
    ecs_task_events.html.
    """
    stopped: dict[str, Any] = {"clusterArn": [compute.cluster.arn], "lastStatus": ["STOPPED"]}
    fallen: dict[str, Any] = {
        "stopCode": ["EssentialContainerExited"],
        "containers": {"exitCode": [{"anything-but": 0}]},
    }
    found = {
        "deployment-failed": _Event(
            severity="page",
            pattern={
                "detail-type": ["ECS Deployment State Change"],
                "resources": [service.arn for service in compute.services.values()],
                "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            },
            reason="$.detail.reason",
        ),
        "task-failed-to-start": _Event(
            severity="page",
            pattern={
                "detail-type": ["ECS Task State Change"],
                "detail": {**stopped, "stopCode": ["TaskFailedToStart"]},
            },
            reason="$.detail.stoppedReason",
        ),
        "container-failed": _Event(
            severity="ticket",
            pattern={"detail-type": ["ECS Task State Change"], "detail": {**stopped, **fallen}},
            reason="$.detail.stoppedReason",
        ),
    }
    for part, event in found.items():
        _send(f"{name}-{part}", environment, part, event, topics[event.severity], opts)


def _send(
    name: str,
    environment: Environment,
    part: str,
    event: _Event,
    topic: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> None:
    """A rule, whose message has the form of an alarm's."""
    rule = cloudwatch.EventRule(
        name,
        cloudwatch.EventRuleArgs(
            name=naming.name(environment, "resource", part),
            event_pattern=pulumi.Output.json_dumps({"source": ["aws.ecs"], **event.pattern}),
            tags=naming.tags(environment),
        ),
        opts=opts,
    )
    # EventBridge puts quotes around what stands for <…>.
    message = (
        f'{{"AlarmName": "{naming.name(environment, "alarm", part)}", "NewStateValue": "ALARM",'
        ' "NewStateReason": <reason>, "AlarmDescription": <what>}'
    )
    cloudwatch.EventTarget(
        name,
        cloudwatch.EventTargetArgs(
            rule=rule.name,
            arn=topic,
            input_transformer=cloudwatch.EventTargetInputTransformerArgs(
                input_paths={"reason": event.reason, "what": "$.resources[0]"}, input_template=message
            ),
        ),
        opts=opts,
    )
