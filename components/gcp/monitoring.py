"""What watches the service: alert policies from the shared rules, Cloud Run's own alarms, a dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import pulumi
import pulumi_gcp.monitoring as monitoring

from components import naming
from components.gcp import agent, alarms
from components.gcp.alarms import Logged, Measured
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
        job = naming.name(environment, "job", "training")
        found = alarms.measured(service=service, job=job, region=settings.region, least=compute.min_instances)
        self.alarms = {alarm.name: self._measured(alarm) for alarm in found} | {
            alarm.name: self._logged(alarm) for alarm in alarms.logged(project=settings.project, service=service)
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
            evaluation_interval=f"{_every(rule.hold_seconds)}s",
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

    def _measured(self, alarm: Measured) -> pulumi.Output[str]:
        """A policy on Google's own metrics."""
        condition = monitoring.AlertPolicyConditionConditionPrometheusQueryLanguageArgs(
            query=alarm.query,
            duration=f"{alarm.hold_seconds}s",
            evaluation_interval="60s",
            disable_metric_validation=True,
        )
        return self._policy(
            alarm.name,
            alarm.severity,
            alarm.summary,
            "Open the service's dashboard and its logs in the project that raised this.",
            monitoring.AlertPolicyConditionArgs(display_name=alarm.name, condition_prometheus_query_language=condition),
        )

    def _logged(self, alarm: Logged) -> pulumi.Output[str]:
        """A policy on each line that the filter finds."""
        return self._policy(
            alarm.name,
            alarm.severity,
            alarm.summary,
            alarm.documentation,
            monitoring.AlertPolicyConditionArgs(
                display_name=alarm.name,
                condition_matched_log=monitoring.AlertPolicyConditionConditionMatchedLogArgs(filter=alarm.lines),
            ),
            # Required with a log condition.
            limit=monitoring.AlertPolicyAlertStrategyNotificationRateLimitArgs(period="300s"),
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


def _every(hold_seconds: int) -> int:
    """Seconds between evaluations: a third of the hold, in Google's steps of 30, at most 300. What looks back for days
    need not be computed twice a minute.
    """
    return max(30, min(300, hold_seconds // 3) // 30 * 30)
