"""What Prometheus cannot see: the load balancer's own errors, missing targets, tasks that never start, quotas."""

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

_BALANCER = "AWS/ApplicationELB"
# docs.aws.amazon.com/AmazonECS/latest/developerguide/monitoring-fargate-usage.html
_FARGATE = {"Service": "Fargate", "Type": "Resource", "Resource": "vCPU", "Class": "Standard/OnDemand"}
QUOTA_PERCENT = 80


@dataclass(frozen=True)
class _Alarm:
    """A metric of the load balancer that is above (or below) its threshold in ``periods`` minutes in a row."""

    metric: str
    statistic: str
    comparison: str
    threshold: float
    periods: int
    missing: str
    description: str


_ABOVE, _BELOW = "GreaterThanThreshold", "LessThanThreshold"
# docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html: counts are reported
# when they are not zero, hosts while targets are registered, so a missing HealthyHostCount means that there is none.
BALANCER_ALARMS = {
    "balancer-5xx": _Alarm(
        "HTTPCode_ELB_5XX_Count", "Sum", _ABOVE, 5, 3, "notBreaching", "The load balancer itself answers 5xx"
    ),
    "rejected": _Alarm(
        "RejectedConnectionCount", "Sum", _ABOVE, 0, 3, "notBreaching", "The load balancer refuses connections"
    ),
}
RELEASE_ALARMS = {
    "target-5xx": _Alarm("HTTPCode_Target_5XX_Count", "Sum", _ABOVE, 5, 3, "notBreaching", "The service answers 5xx"),
    "no-healthy-host": _Alarm("HealthyHostCount", "Minimum", _BELOW, 1, 2, "breaching", "No replica is ready"),
    "unhealthy-host": _Alarm("UnHealthyHostCount", "Maximum", _ABOVE, 0, 5, "notBreaching", "A replica is not ready"),
}


class Alarms(pulumi.ComponentResource):
    """CloudWatch alarms per load balancer and per release, and events of ECS, sent to the topics.

    What hurts callers now is a page; of the candidate, which delivery takes back by itself, everything is a ticket.

    Outputs: ``names`` and ``arns`` of the alarms.
    """

    names: list[pulumi.Output[str]]
    arns: list[pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        compute: Compute,
        topics: Mapping[Severity, pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Alarms", name, None, opts)
        self._name, self._environment, self._topics = name, environment, topics
        self._child = pulumi.ResourceOptions(parent=self)
        balancer = compute.balancer
        alarms = [
            self._alarm(
                part, alarm, {"LoadBalancer": balancer.arn_suffix}, "page" if part == "balancer-5xx" else "ticket"
            )
            for part, alarm in BALANCER_ALARMS.items()
        ]
        for release in compute.services:
            group = balancer.target_groups[release]
            dimensions = {"LoadBalancer": balancer.arn_suffix, "TargetGroup": group.arn_suffix}
            for part, alarm in RELEASE_ALARMS.items():
                urgent = release == "stable" and part != "unhealthy-host"
                alarms.append(self._alarm(f"{release}-{part}", alarm, dimensions, "page" if urgent else "ticket"))
        alarms.append(self._quota())
        self.names = [alarm.name for alarm in alarms]
        self.arns = [alarm.arn for alarm in alarms]
        self._events(compute)
        self.register_outputs({"names": self.names})

    def _alarm(
        self, part: str, alarm: _Alarm, dimensions: Mapping[str, pulumi.Input[str]], severity: Severity
    ) -> cloudwatch.MetricAlarm:
        """One alarm, which also reports its end."""
        return cloudwatch.MetricAlarm(
            f"{self._name}-{part}",
            cloudwatch.MetricAlarmArgs(
                name=naming.name(self._environment, "alarm", part),
                alarm_description=alarm.description,
                namespace=_BALANCER,
                metric_name=alarm.metric,
                dimensions=dimensions,
                statistic=alarm.statistic,
                period=60,
                comparison_operator=alarm.comparison,
                threshold=alarm.threshold,
                evaluation_periods=alarm.periods,
                treat_missing_data=alarm.missing,
                alarm_actions=[self._topics[severity]],
                ok_actions=[self._topics[severity]],
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        )

    def _quota(self) -> cloudwatch.MetricAlarm:
        """The account's share of its Fargate vCPU quota: above it no task starts, not even a rollback's."""
        usage = cloudwatch.MetricAlarmMetricQueryMetricArgs(
            namespace="AWS/Usage", metric_name="ResourceCount", dimensions=_FARGATE, stat="Maximum", period=300
        )
        return cloudwatch.MetricAlarm(
            f"{self._name}-quota",
            cloudwatch.MetricAlarmArgs(
                name=naming.name(self._environment, "alarm", "quota"),
                alarm_description=f"More than {QUOTA_PERCENT} % of the account's Fargate vCPU quota is in use",
                metric_queries=[
                    cloudwatch.MetricAlarmMetricQueryArgs(id="used", metric=usage, return_data=False),
                    cloudwatch.MetricAlarmMetricQueryArgs(
                        id="share", expression="used / SERVICE_QUOTA(used) * 100", label="share", return_data=True
                    ),
                ],
                comparison_operator=_ABOVE,
                threshold=QUOTA_PERCENT,
                evaluation_periods=1,
                treat_missing_data="notBreaching",
                alarm_actions=[self._topics["ticket"]],
                ok_actions=[self._topics["ticket"]],
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        )

    def _events(self, compute: Compute) -> None:
        """A deployment that ECS took back, a task that could not start, a container that fell over.

        Fields: docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html and
        ecs_task_events.html.
        """
        stopped: dict[str, Any] = {"clusterArn": [compute.cluster.arn], "lastStatus": ["STOPPED"]}
        services = [service.arn for service in compute.services.values()]
        self._event(
            "deployment-failed",
            "page",
            {
                "detail-type": ["ECS Deployment State Change"],
                "resources": services,
                "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
            },
            reason="$.detail.reason",
        )
        self._event(
            "task-failed-to-start",
            "page",
            {
                "detail-type": ["ECS Task State Change"],
                "detail": {**stopped, "stopCode": ["TaskFailedToStart"]},
            },
            reason="$.detail.stoppedReason",
        )
        self._event(
            "container-failed",
            "ticket",
            {
                "detail-type": ["ECS Task State Change"],
                "detail": {
                    **stopped,
                    "stopCode": ["EssentialContainerExited"],
                    "containers": {"exitCode": [{"anything-but": 0}]},
                },
            },
            reason="$.detail.stoppedReason",
        )

    def _event(self, part: str, severity: Severity, pattern: Mapping[str, Any], *, reason: str) -> None:
        """A rule, whose message has the form of an alarm's."""
        rule = cloudwatch.EventRule(
            f"{self._name}-{part}",
            cloudwatch.EventRuleArgs(
                name=naming.name(self._environment, "resource", part),
                event_pattern=pulumi.Output.json_dumps({"source": ["aws.ecs"], **pattern}),
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        )
        # EventBridge puts quotes around what stands for <…>.
        message = (
            f'{{"AlarmName": "{part}", "NewStateValue": "ALARM",'
            ' "NewStateReason": <reason>, "AlarmDescription": <what>}'
        )
        cloudwatch.EventTarget(
            f"{self._name}-{part}",
            cloudwatch.EventTargetArgs(
                rule=rule.name,
                arn=self._topics[severity],
                input_transformer=cloudwatch.EventTargetInputTransformerArgs(
                    input_paths={"reason": reason, "what": "$.resources[0]"}, input_template=message
                ),
            ),
            opts=self._child,
        )
