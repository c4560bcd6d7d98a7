"""What Google measures, or a line in the log says, of a service that is not well; Prometheus cannot see it.

Google's metrics stand in PromQL as ``run_googleapis_com:<metric>`` (cloud.google.com/monitoring/promql/promql-mapping).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from components.gcp import agent
from observability.rules import Severity

QUOTA_PERCENT = 80


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A condition in PromQL over Google's own metrics that must hold for ``hold_seconds``."""

    name: str
    severity: Severity
    summary: str
    query: str
    hold_seconds: int = 300


@dataclass(frozen=True, kw_only=True)
class Logged:
    """Log lines, as a filter of Cloud Logging finds them, and what to look at."""

    name: str
    severity: Severity
    summary: str
    documentation: str
    lines: str


def measured(*, service: str, job: str, region: str, least: int) -> Iterator[Measured]:
    """Answers of the ingress, instances (``least`` should run), quotas, failed trainings."""
    run = f'monitored_resource="cloud_run_revision",service_name="{service}"'
    requests = f"run_googleapis_com:request_count{{{run}"
    yield Measured(
        name="ingress-errors",
        severity="page",
        summary="The ingress answers one request in twenty with a 5xx status",
        query=f'sum(rate({requests},response_code_class="5xx"}}[5m])) / sum(rate({requests}}}[5m])) > 0.05',
    )
    yield Measured(
        name="no-instance",
        severity="page",
        summary="Requests are refused with 429: no instance is free and the limit or quota forbids another",
        query=f'sum(rate({requests},response_code="429"}}[5m])) > 0',
    )
    if least > 0:
        yield Measured(
            name="no-replica",
            severity="page",
            summary="No instance runs, though at least one should",
            query=f"(sum(run_googleapis_com:container_instance_count{{{run}}}) or vector(0)) < 1",
        )
    yield Measured(
        name="quota",
        severity="ticket",
        summary=f"More than {QUOTA_PERCENT} % of a quota of Cloud Run is in use: above it no instance starts",
        query=_quota(region),
    )
    yield Measured(
        name="training-failed",
        severity="ticket",
        summary="A training run failed",
        query='sum(increase(run_googleapis_com:job_completed_execution_count{monitored_resource="cloud_run_job",'
        f'job_name="{job}",result="failed"}}[10m])) > 0',
        hold_seconds=0,
    )


def logged(*, project: str, service: str) -> Iterator[Logged]:
    """Instances that fail, and side-cars that cannot write."""
    own = f'resource.type="cloud_run_revision" AND resource.labels.service_name="{service}"'
    system = f'logName="projects/{project}/logs/run.googleapis.com%2Fvarlog%2Fsystem"'
    yield Logged(
        name="instance-failed",
        severity="page",
        summary="Cloud Run reports a failed instance: not started, out of memory, or failing its probes",
        documentation="Open the service's logs in Cloud Logging; Cloud Run's own lines say which.",
        lines=f"{own} AND {system} AND severity>=ERROR",
    )
    yield Logged(
        name="agent-not-writing",
        severity="ticket",
        summary="The metrics side-car of an instance cannot write to managed Prometheus",
        documentation="Of that instance no rule knows anything; the side-car's lines in the service's logs say why.",
        lines=f'{own} AND "{agent.WRITE_FAILURE}"',
    )


def _quota(region: str) -> str:
    """Whether a quota of Cloud Run in ``region`` is nearly used up (docs.cloud.google.com/monitoring/alerts/
    using-quota-metrics); a limit of -1 is none.
    """
    of = f'monitored_resource="consumer_quota",service="run.googleapis.com",location="{region}"'
    used = f"max by (quota_metric) (serviceruntime_googleapis_com:quota_allocation_usage{{{of}}})"
    limit = f"(min by (quota_metric) (serviceruntime_googleapis_com:quota_limit{{{of}}}) > 0)"
    return f"{used} / {limit} > {QUOTA_PERCENT / 100:g}"
