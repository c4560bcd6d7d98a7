"""What in the logs means that the service is not well: of it Azure measures nothing that an alert could ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_azure_native.monitor as monitor

from components import naming
from components.agent import WRITE_FAILURES
from components.azure.alerts import SEVERITIES
from components.azure.shared import ResourceGroup
from components.spec import Environment
from observability.rules import Severity


@dataclass(frozen=True, kw_only=True)
class LogAlarm:
    """A query whose answer is not empty, in ``periods`` of five minutes in a row.

    Tables: learn.microsoft.com/azure/azure-monitor/reference/tables/, pages containerappsystemlogs and
    containerappconsolelogs. The workspace is the stack's own, so nothing in them is another's.
    """

    name: str
    query: str
    severity: Severity
    description: str
    periods: int = 1


_NOT_STARTED = '"ContainerCrashing", "ErrImagePull", "ImagePullBackOff"'
_NOT_WRITTEN = " or ".join(f'Log contains "{message}"' for message in WRITE_FAILURES)
LOG_ALARMS = (
    LogAlarm(
        name="failed-to-start",
        query=f"ContainerAppSystemLogs | where isempty(JobName) | where Reason in ({_NOT_STARTED})",
        severity="page",
        description="A replica cannot be started: its image is not pulled, or a container ends at once.",
    ),
    LogAlarm(
        name="training-failed",
        query=f"ContainerAppSystemLogs | where isnotempty(JobName) "
        f'| where Reason in ({_NOT_STARTED}, "BackoffLimitExceeded", "StartError")',
        severity="ticket",
        description="A training run failed.",
    ),
    LogAlarm(
        name="agent-not-writing",
        query=f'ContainerAppConsoleLogs | where ContainerName == "agent" | where {_NOT_WRITTEN}',
        severity="ticket",
        description="The metrics agent of a replica cannot write: of that replica no rule knows anything.",
        periods=2,
    ),
)


def log_alert(
    part: str,
    environment: Environment,
    alarm: LogAlarm,
    *,
    workspace: pulumi.Input[str],
    notify: Sequence[monitor.ActionGroup],
    group: ResourceGroup,
    parent: pulumi.Resource,
) -> monitor.ScheduledQueryRule:
    """Ask the log ``workspace`` every five minutes and tell the action groups ``notify``."""
    return monitor.ScheduledQueryRule(
        part,
        rule_name=naming.name(environment, "resource", part),
        resource_group_name=group.group_name,
        location=group.location,
        kind=monitor.Kind.LOG_ALERT,
        description=alarm.description,
        enabled=True,
        auto_mitigate=True,
        severity=SEVERITIES[alarm.severity],
        scopes=[workspace],
        evaluation_frequency="PT5M",
        window_size="PT5M",
        # A table exists from its first line on.
        skip_query_validation=True,
        criteria=monitor.ScheduledQueryRuleCriteriaArgs(
            all_of=[
                monitor.ConditionArgs(
                    query=alarm.query,
                    time_aggregation=monitor.TimeAggregation.COUNT,
                    operator="GreaterThan",  # the SDK's enumeration of this name is another API's
                    threshold=0,
                    failing_periods=monitor.ConditionFailingPeriodsArgs(
                        number_of_evaluation_periods=alarm.periods, min_failing_periods_to_alert=alarm.periods
                    ),
                )
            ]
        ),
        actions=monitor.ActionsArgs(action_groups=[found.id for found in notify]),
        tags=naming.tags(environment),
        opts=pulumi.ResourceOptions(parent=parent),
    )
