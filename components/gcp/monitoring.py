"""What watches the service: alert policies from the shared rules, Cloud Run's own alarms, a dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import pulumi
import pulumi_gcp.monitoring as monitoring

from components import naming
from components.gcp import agent
from components.gcp.compute import Compute
from components.gcp.dashboard import dashboard
from components.gcp.receivers import channel
from components.gcp.services import Services
from components.gcp.settings import Settings
from components.spec import Environment, MonitoringSpec
from observability.rules import AlertRule, Severity

# How urgent an incident is shown as.
_SEVERITY: dict[Severity, str] = {"page": "CRITICAL", "ticket": "WARNING"}
_CLOSE_AFTER = f"{24 * 3600}s"
QUOTA_PERCENT = 80


class Monitoring(pulumi.ComponentResource):
    """An alert policy for each rule and each failure that Prometheus cannot see, and a dashboard.

    Cloud Monitoring evaluates PromQL in alert policies but records nothing, so recorded expressions stand in each
    alert in full. Each severity goes to the receivers that asked for it.

    Outputs: ``dashboard_url``, ``logs_url`` and ``alarms``, the names of the policies on what Prometheus cannot see.
    """

    dashboard_url: pulumi.Output[str]
    logs_url: pulumi.Output[str]
    alarms: Mapping[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: MonitoringSpec,
        *,
        settings: Settings,
        services: Services,
        compute: Compute,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:gcp:Monitoring", name, None, opts)
        self._name, self._environment, self._settings, self._spec = name, environment, settings, spec
        self._child = pulumi.ResourceOptions(parent=self, depends_on=[services])
        # Policies name what Cloud Run measures, which exists once the service does.
        self._watching = pulumi.ResourceOptions(parent=self, depends_on=[services, compute])
        channels = [
            (receiver, channel(name, environment, receiver, settings, self._child)) for receiver in spec.receivers
        ]
        self._channels: dict[Severity, list[pulumi.Output[str]]] = {
            severity: [made.name for receiver, made in channels if severity in receiver.severities]
            for severity in _SEVERITY
        }
        for rule in spec.rules.inlined():
            self._rule(rule)
        service = naming.name(environment, "service", "serving")
        self.alarms = {
            **self._measured(service, naming.name(environment, "job", "training"), compute.min_instances),
            **self._logged(service),
        }
        page = monitoring.Dashboard(
            name,
            monitoring.DashboardArgs(
                project=settings.project,
                dashboard_json=dashboard(f"{environment.stack} predictions", service, agent.series(environment)),
            ),
            opts=self._child,
        )
        console = "https://console.cloud.google.com"
        self.dashboard_url = page.id.apply(
            lambda found: (
                f"{console}/monitoring/dashboards/builder/{found.rpartition('/')[2]}?project={settings.project}"
            )
        )
        query = quote(f'resource.type="cloud_run_revision"\nresource.labels.service_name="{service}"', safe="")
        self.logs_url = pulumi.Output.from_input(f"{console}/logs/query;query={query}?project={settings.project}")
        self.register_outputs(
            {"dashboard_url": self.dashboard_url, "logs_url": self.logs_url, "alarms": dict(self.alarms)}
        )

    def _rule(self, rule: AlertRule) -> None:
        """The policy of one shared rule; the metrics it names may not exist yet."""
        condition = monitoring.AlertPolicyConditionConditionPrometheusQueryLanguageArgs(
            query=self._spec.filled(rule.expr),
            duration=f"{rule.hold_seconds}s",
            evaluation_interval="30s",
            rule_group="service",
            alert_rule=rule.name,
            labels=rule.labels,
            disable_metric_validation=True,
        )
        self._policy(
            rule.name,
            rule.severity,
            rule.summary,
            f"{rule.description}\n\nRunbook: {rule.runbook}",
            monitoring.AlertPolicyConditionArgs(display_name=rule.name, condition_prometheus_query_language=condition),
        )

    def _measured(self, service: str, job: str, least: int) -> dict[str, pulumi.Output[str]]:
        """What Google measures: answers of the ingress, instances (``least`` should run), quotas, failed trainings."""
        run = f'monitored_resource="cloud_run_revision",service_name="{service}"'
        requests = f"run_googleapis_com:request_count{{{run}"
        alarms = {
            "ingress-errors": self._promql(
                "ingress-errors",
                "page",
                "The ingress answers one request in twenty with a 5xx status",
                f'sum(rate({requests},response_code_class="5xx"}}[5m])) / sum(rate({requests}}}[5m])) > 0.05',
                hold_seconds=300,
            ),
            "no-instance": self._promql(
                "no-instance",
                "page",
                "Requests are refused with 429: no instance is free and the limit or quota forbids another",
                f'sum(rate({requests},response_code="429"}}[5m])) > 0',
                hold_seconds=300,
            ),
            "quota": self._promql(
                "quota",
                "ticket",
                f"More than {QUOTA_PERCENT} % of a quota of Cloud Run is in use: above it no instance starts",
                _quota(self._settings.region),
                hold_seconds=300,
            ),
            "training-failed": self._promql(
                "training-failed",
                "ticket",
                "A training run failed",
                'sum(increase(run_googleapis_com:job_completed_execution_count{monitored_resource="cloud_run_job",'
                f'job_name="{job}",result="failed"}}[10m])) > 0',
                hold_seconds=0,
            ),
        }
        if least > 0:
            alarms["no-replica"] = self._promql(
                "no-replica",
                "page",
                "No instance runs, though at least one should",
                f"(sum(run_googleapis_com:container_instance_count{{{run}}}) or vector(0)) < 1",
                hold_seconds=300,
            )
        return alarms

    def _logged(self, service: str) -> dict[str, pulumi.Output[str]]:
        """What only a line in the log says."""
        own = f'resource.type="cloud_run_revision" AND resource.labels.service_name="{service}"'
        log = f'logName="projects/{self._settings.project}/logs/run.googleapis.com%2F'
        return {
            "instance-failed": self._matched(
                "instance-failed",
                "page",
                "Cloud Run reports a failed instance: not started, out of memory, or failing its probes",
                "Open the service's logs in Cloud Logging; Cloud Run's own lines say which.",
                f'{own} AND {log}varlog%2Fsystem" AND severity>=ERROR',
            ),
            "agent-not-writing": self._matched(
                "agent-not-writing",
                "ticket",
                "The metrics side-car of an instance cannot write to managed Prometheus",
                "Of that instance no rule knows anything; the lines of the side-car in the service's logs say why.",
                f'{own} AND "{agent.WRITE_FAILURE}"',
            ),
        }

    def _matched(
        self, part: str, severity: Severity, summary: str, documentation: str, lines: str
    ) -> pulumi.Output[str]:
        """A policy on each log line that the filter ``lines`` finds."""
        return self._policy(
            part,
            severity,
            summary,
            documentation,
            monitoring.AlertPolicyConditionArgs(
                display_name=part,
                condition_matched_log=monitoring.AlertPolicyConditionConditionMatchedLogArgs(filter=lines),
            ),
            # Required with a log condition.
            limit=monitoring.AlertPolicyAlertStrategyNotificationRateLimitArgs(period="300s"),
        )

    def _promql(
        self, part: str, severity: Severity, summary: str, query: str, *, hold_seconds: int
    ) -> pulumi.Output[str]:
        """A policy on Cloud Run's own metrics."""
        condition = monitoring.AlertPolicyConditionConditionPrometheusQueryLanguageArgs(
            query=query, duration=f"{hold_seconds}s", evaluation_interval="60s", disable_metric_validation=True
        )
        return self._policy(
            part,
            severity,
            summary,
            "Open the service's dashboard and its logs in the project that raised this.",
            monitoring.AlertPolicyConditionArgs(display_name=part, condition_prometheus_query_language=condition),
        )

    def _policy(
        self,
        part: str,
        severity: Severity,
        summary: str,
        documentation: str,
        condition: monitoring.AlertPolicyConditionArgs,
        *,
        limit: monitoring.AlertPolicyAlertStrategyNotificationRateLimitArgs | None = None,
    ) -> pulumi.Output[str]:
        """The name of one alert policy, sent to the receivers of its severity."""
        return monitoring.AlertPolicy(
            f"{self._name}-{part}",
            monitoring.AlertPolicyArgs(
                project=self._settings.project,
                display_name=f"{self._environment.stack} {part}",
                combiner="OR",
                conditions=[condition],
                severity=_SEVERITY[severity],
                notification_channels=self._channels[severity],
                alert_strategy=monitoring.AlertPolicyAlertStrategyArgs(
                    auto_close=_CLOSE_AFTER, notification_rate_limit=limit
                ),
                documentation=monitoring.AlertPolicyDocumentationArgs(
                    subject=f"[{self._environment.stack}] {summary}", content=documentation, mime_type="text/markdown"
                ),
                user_labels={**naming.tags(self._environment), "severity": severity},
            ),
            opts=self._watching,
        ).name


def _quota(region: str) -> str:
    """Whether a quota of Cloud Run in ``region`` is nearly used up (docs.cloud.google.com/monitoring/alerts/
    using-quota-metrics); a limit of -1 is none.
    """
    of = f'monitored_resource="consumer_quota",service="run.googleapis.com",location="{region}"'
    used = f"max by (quota_metric) (serviceruntime_googleapis_com:quota_allocation_usage{{{of}}})"
    limit = f"(min by (quota_metric) (serviceruntime_googleapis_com:quota_limit{{{of}}}) > 0)"
    return f"{used} / {limit} > {QUOTA_PERCENT / 100:g}"
