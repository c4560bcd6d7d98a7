"""The alerts of the service, each with the address of a page named like it."""

from __future__ import annotations

from dataclasses import dataclass

from observability import objectives
from observability.rules import RELEASES, AlertRule, Rules, Severity
from observability.series import SINGLE, Series
from observability.slo import Slo

RUNBOOKS = "docs/runbooks"
"""What the pages' names are appended to unless another address is given."""

ERROR_RATIO = 0.05
"""The share of failed predictions that a person sees at once."""
NEARLY_FULL = 0.8
"""The share of the requests that a replica takes at once from which on it counts as saturated."""
_FEW = 20
"""Requests in five minutes below which the fast alerts on ratios stay silent."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What a service of at least ``replicas`` replicas is watched for.

    With ``replicas`` 0 nothing says whether metrics are missing or nobody asks, so that alert is left out; with
    ``releases`` False so is the one on what should serve, for a service that was started by hand. ``service`` is its
    name in the alerts, ``runbooks`` the address of the runbooks.
    """

    slo: Slo
    series: Series
    replicas: int
    releases: bool = True
    service: str | None = None
    runbooks: str = RUNBOOKS

    def rules(self) -> Rules:
        """Every recording and alert."""
        alerts = [
            *objectives.budgets(self.slo, self._alert),
            self._error_ratio(),
            self._latency(),
            self._instance_down(),
            *([self._metrics_missing()] if self.replicas else []),
            self._crash_looping(),
            self._model_missing(),
            self._model_stale(),
            *([self._wrong_release()] if self.releases else []),
            self._saturation(),
            self._shed(),
            *objectives.drift(self.slo, self._alert),
        ]
        return Rules(recordings=objectives.recordings(self.slo, self.series), alerts=tuple(alerts))

    def _error_ratio(self) -> AlertRule:
        """Errors that a person sees at once, long before a budget is gone."""
        requests = self.series.requests("5m")
        return self._alert(
            "ErrorRatioHigh",
            "page",
            60,
            f"{self.series.errors('5m')} / ({requests} >= {_FEW}) > {ERROR_RATIO:g}",
            "More than one prediction in twenty fails",
            "{{ $value | humanizePercentage }} of the predictions of the last five minutes ended in a 5xx status.",
        )

    def _latency(self) -> AlertRule:
        """Slowness that a person sees at once."""
        limit = self.slo.latency.alarming_seconds
        buckets = self.series.of("api_request_latency_seconds_bucket", SINGLE)
        quantile = f"histogram_quantile({self.slo.latency.target:g}, sum by (le) (rate({buckets}[5m])))"
        return self._alert(
            "LatencyHigh",
            "page",
            120,
            f"{quantile} > {limit:g} and {self.series.timed('5m')} >= {_FEW}",
            "Predictions are slow",
            f"{1 - self.slo.latency.target:.2%} of the single-row predictions of five minutes took longer than "
            f"{{{{ $value | humanizeDuration }}}}; {self.slo.latency.threshold_seconds:g} s are promised.",
        )

    def _instance_down(self) -> AlertRule:
        """A replica that is there and does not answer its scrape."""
        return self._alert(
            "InstanceDown",
            "page",
            60,
            f"{self.series.of('up')} == 0",
            "A replica does not answer",
            "{{ $labels.instance }} has not answered a scrape for a minute.",
        )

    def _metrics_missing(self) -> AlertRule:
        """Fewer replicas report than should run: they are gone, or the agent beside them does not write."""
        return self._alert(
            "MetricsMissing",
            "page",
            300,
            f"(count({self.series.of('up')}) or vector(0)) < {self.replicas}",
            "Fewer replicas report metrics than should run",
            f"{{{{ $value }}}} of at least {self.replicas} replicas report.",
        )

    def _crash_looping(self) -> AlertRule:
        """A process that starts again and again under the same name."""
        return self._alert(
            "CrashLooping",
            "page",
            0,
            f"max(changes({self.series.of('process_start_time_seconds')}[15m])) >= 3",
            "A replica starts again and again",
            "The same replica has started {{ $value }} times within a quarter of an hour.",
        )

    def _model_missing(self) -> AlertRule:
        """A replica that answers scrapes and has no model."""
        models = self.series.of("model_info")
        return self._alert(
            "ModelMissing",
            "page",
            120,
            f"count({self.series.of('up')} == 1) - (count({models}) or vector(0)) > 0",
            "A replica serves without a model",
            "{{ $value }} replicas answer scrapes and report no model.",
        )

    def _model_stale(self) -> AlertRule:
        """A model that nobody has trained again for long."""
        days = self.slo.model_age_days
        trained = self.series.of("model_created_timestamp_seconds")
        return self._alert(
            "ModelStale",
            "ticket",
            3600,
            f"time() - max({trained}) > {days * 24 * 3600}",
            f"The model is older than {days} days",
            "The newest model that serves was trained {{ $value | humanizeDuration }} ago.",
        )

    def _wrong_release(self) -> AlertRule:
        """A release that serves and was not asked for."""
        serving = self.series.of("release_info", f'release!~"{RELEASES}"')
        return self._alert(
            "WrongRelease",
            "page",
            600,
            f"count by (release) ({serving}) > 0",
            "A release serves that was not deployed",
            "{{ $value }} replicas serve {{ $labels.release }}, which the stack's configuration does not name.",
        )

    def _saturation(self) -> AlertRule:
        """Requests that nearly fill what a replica takes at once."""
        under_way, limit = self.series.of("api_requests_in_flight"), self.series.of("api_requests_limit")
        return self._alert(
            "Saturation",
            "ticket",
            300,
            f"max({under_way} / {limit}) > {NEARLY_FULL:g}",
            "A replica is nearly full",
            "{{ $value | humanizePercentage }} of the requests that a replica takes at once are under way.",
        )

    def _shed(self) -> AlertRule:
        """Requests that were refused because too many were under way."""
        return self._alert(
            "RequestsShed",
            "page",
            120,
            f"sum(increase({self.series.of('api_requests_shed_total')}[5m])) > 0",
            "Requests are refused for lack of capacity",
            "{{ $value | humanize }} predictions of the last five minutes were refused with 503.",
        )

    def _alert(
        self, name: str, severity: Severity, hold_seconds: int, expr: str, summary: str, description: str
    ) -> AlertRule:
        """An alert with the address of its runbook."""
        return AlertRule(
            name=name,
            expr=expr,
            hold_seconds=hold_seconds,
            severity=severity,
            summary=summary,
            description=description,
            runbook=f"{self.runbooks}/{name}.md",
            service=self.service,
        )
