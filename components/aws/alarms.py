"""What Prometheus cannot see: the load balancer's own errors, missing targets, tasks that never start, quotas, and an
agent that cannot write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch

from components import naming
from components.agent import WRITE_FAILURES
from components.aws.compute import Compute
from components.aws.events import events
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


AGENT_METRIC = "AgentWriteFailures"
# docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html: any of these terms
_AGENT_PATTERN = " ".join(f'?"{message}"' for message in WRITE_FAILURES)


class Alarms(pulumi.ComponentResource):
    """CloudWatch alarms per load balancer and per release, and events of ECS, sent to the topics.

    What hurts callers now is a page; of the candidate, which delivery takes back by itself, everything is a ticket.

    Outputs: ``names`` and ``arns`` of the alarms, each by what it watches (``stable-target-5xx``).
    """

    names: Mapping[str, pulumi.Output[str]]
    arns: Mapping[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        compute: Compute,
        logs: pulumi.Input[str],
        topics: Mapping[Severity, pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Alarms", name, None, opts)
        self._name, self._environment, self._topics = name, environment, topics
        self._child = pulumi.ResourceOptions(parent=self)
        balancer = compute.balancer
        alarms = {
            part: self._alarm(
                part, alarm, {"LoadBalancer": balancer.arn_suffix}, "page" if part == "balancer-5xx" else "ticket"
            )
            for part, alarm in BALANCER_ALARMS.items()
        }
        for release in compute.services:
            group = balancer.target_groups[release]
            dimensions = {"LoadBalancer": balancer.arn_suffix, "TargetGroup": group.arn_suffix}
            for part, alarm in RELEASE_ALARMS.items():
                urgent = release == "stable" and part != "unhealthy-host"
                alarms[f"{release}-{part}"] = self._alarm(
                    f"{release}-{part}", alarm, dimensions, "page" if urgent else "ticket"
                )
        alarms["quota"] = self._quota()
        alarms["agent-not-writing"] = self._agent(logs)
        self.names = {part: alarm.name for part, alarm in alarms.items()}
        self.arns = {part: alarm.arn for part, alarm in alarms.items()}
        events(name, environment, compute=compute, topics=topics, opts=self._child)
        self.register_outputs({"names": dict(self.names)})

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

    def _agent(self, logs: pulumi.Input[str]) -> cloudwatch.MetricAlarm:
        """An agent that says for minutes that it cannot write: of its replica no rule knows anything."""
        namespace = naming.name(self._environment, "resource", "logs")
        cloudwatch.LogMetricFilter(
            f"{self._name}-agent-not-writing",
            cloudwatch.LogMetricFilterArgs(
                name=naming.name(self._environment, "resource", "agent-not-writing"),
                log_group_name=logs,
                pattern=_AGENT_PATTERN,
                metric_transformation=cloudwatch.LogMetricFilterMetricTransformationArgs(
                    name=AGENT_METRIC, namespace=namespace, value="1", default_value="0"
                ),
            ),
            opts=self._child,
        )
        return cloudwatch.MetricAlarm(
            f"{self._name}-agent-not-writing",
            cloudwatch.MetricAlarmArgs(
                name=naming.name(self._environment, "alarm", "agent-not-writing"),
                alarm_description="The metrics agent of a replica cannot write to Prometheus",
                namespace=namespace,
                metric_name=AGENT_METRIC,
                statistic="Sum",
                period=300,
                comparison_operator=_ABOVE,
                threshold=0,
                evaluation_periods=2,
                treat_missing_data="notBreaching",
                alarm_actions=[self._topics["ticket"]],
                ok_actions=[self._topics["ticket"]],
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        )
