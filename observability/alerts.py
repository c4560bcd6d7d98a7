"""The alerts of the service, each with the address of a page named like it."""

from __future__ import annotations

from dataclasses import dataclass

from observability import burn_rate
from observability.rules import RELEASES, AlertRule, RecordingRule, Rules, Severity
from observability.series import Series
from observability.slo import Slo

RUNBOOKS = "docs/runbooks"
"""What the pages' names are appended to unless another address is given."""

_FEATURE_DRIFT = "service:feature_drift:psi"
_PREDICTION_DRIFT = "service:prediction_drift:psi"
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
            *self._budgets(),
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
            *self._drift(),
        ]
        return Rules(recordings=self._recordings(), alerts=tuple(alerts))

    def _recordings(self) -> tuple[RecordingRule, ...]:
        """The drift, then the share of bad events and the number of events of each objective."""
        slo, series, quality = self.slo, self.series, self.slo.quality
        feature = series.psi("model_feature_bin_total", "model_feature_bin_expected", "version, feature", quality)
        prediction = series.psi("model_prediction_bin_total", "model_prediction_bin_expected", "version", quality)
        return (
            RecordingRule(record=_FEATURE_DRIFT, expr=feature),
            RecordingRule(record=_PREDICTION_DRIFT, expr=prediction),
            *burn_rate.recordings(
                "availability",
                lambda window: f"{series.errors(window)} / ({series.requests(window)} > 0)",
                series.requests,
            ),
            *burn_rate.recordings(
                "latency",
                lambda window: f"1 - {series.fast(slo, window)} / ({series.timed(window)} > 0)",
                series.timed,
            ),
        )

    def _budgets(self) -> list[AlertRule]:
        """The error budgets of availability and latency, burning fast or slowly."""
        slo = self.slo
        promised = (
            ("Availability", slo.availability.target, "answered without a server error"),
            ("Latency", slo.latency.target, f"answered within {slo.latency.threshold_seconds:g} s"),
        )
        speeds: tuple[tuple[Severity, str, int], ...] = (("page", "Fast", 120), ("ticket", "Slow", 900))
        return [
            self._alert(
                f"{objective}BudgetBurn{speed}",
                severity,
                hold,
                burn_rate.condition(objective.lower(), target, slo.window_days, severity, slo.minimum_requests),
                f"The {objective.lower()} budget burns {'fast' if speed == 'Fast' else 'steadily'}",
                f"{target:.3%} of predictions are to be {meaning} over {slo.window_days} days; "
                "{{ $value | humanizePercentage }} were not in the alert's long window.",
            )
            for objective, target, meaning in promised
            for severity, speed, hold in speeds
        ]

    def _error_ratio(self) -> AlertRule:
        """Errors that a person sees at once, long before a budget is gone."""
        requests = self.series.requests("5m")
        return self._alert(
            "ErrorRatioHigh",
            "page",
            60,
            f"{self.series.errors('5m')} / ({requests} >= {_FEW}) > 0.05",
            "More than one prediction in twenty fails",
            "{{ $value | humanizePercentage }} of the predictions of the last five minutes ended in a 5xx status.",
        )

    def _latency(self) -> AlertRule:
        """Slowness that a person sees at once."""
        limit = 2 * self.slo.latency.threshold_seconds
        buckets = self.series.of("api_request_latency_seconds_bucket", 'endpoint="/predict"')
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
            f"max({under_way} / {limit}) > 0.8",
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

    def _drift(self) -> list[AlertRule]:
        """Features and predictions that are no longer distributed as in training, and how long they are not."""
        slo, quality = self.slo, self.slo.quality
        budget = burn_rate.BURNS[2]
        limit = burn_rate.rate(budget, slo.window_days) * (1 - quality.target)
        drifted = f"avg_over_time(({_PREDICTION_DRIFT} > bool {quality.psi_limit:g})[{budget.window}:5m])"
        return [
            self._alert(
                "FeatureDrift",
                "ticket",
                900,
                f"{_FEATURE_DRIFT} > {quality.psi_limit:g}",
                "A feature is no longer distributed as in training",
                "{{ $labels.feature }} of model {{ $labels.version }}: population stability index "
                f"{{{{ $value | humanize }}}} over {quality.window}; {quality.psi_limit:g} is the limit.",
            ),
            self._alert(
                "PredictionDrift",
                "ticket",
                900,
                f"{_PREDICTION_DRIFT} > {quality.psi_limit:g}",
                "Predictions are no longer distributed as in training",
                "Model {{ $labels.version }}: population stability index of the predictions "
                f"{{{{ $value | humanize }}}} over {quality.window}; {quality.psi_limit:g} is the limit.",
            ),
            self._alert(
                "QualityBudgetBurn",
                "page",
                900,
                f"{drifted} > {limit:g}",
                "The quality budget burns",
                f"Predictions are to be distributed as in training {quality.target:.1%} of the time over "
                f"{slo.window_days} days; in {{{{ $value | humanizePercentage }}}} of the last day they were not.",
            ),
        ]

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
