"""The model: what serves, what it predicts, whether its world is still training's, and how two versions compare."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from observability.alerts import Watch
from observability.dashboards.board import board, choice, encoded
from observability.dashboards.panels import above, chart, number, rows, runbooks, stacked, units
from observability.dashboards.queries import chosen, of_version, quantile, rate
from observability.objectives import FEATURE_DRIFT, PREDICTION_DRIFT
from observability.series import FAILED, PREDICTIONS, SINGLE

_DAY = 24 * 3600
_FEATURE = 'feature=~"$feature"'


def model(watch: Watch) -> str:
    """The dashboard as JSON."""
    series = watch.series
    dashboard = (
        board(
            "model",
            "Model",
            "Predictions, drift against training, and the versions that serve side by side.",
            runbooks=watch.runbooks,
            span="now-24h",
        )
        .with_variable(choice("version", series.of("model_info")))
        .with_variable(choice("feature", series.of("model_feature_bin_expected")))
    )
    content = {
        "Serving": _serving(watch),
        "Predictions": _predictions(watch),
        "Drift": _drift(watch),
        "Champion and challenger": _versions(watch),
    }
    return encoded(dashboard, content)


def _serving(watch: Watch) -> Sequence[Builder[Panel]]:
    """Which models and releases serve, and since when."""
    series, days = watch.series, watch.slo.model_age_days
    trained = series.of("model_created_timestamp_seconds")
    columns = {"version": "Version", "name": "Model", "estimator": "Estimator", "Value": "Replicas"}
    return [
        rows(
            "Models",
            "The models that serve now.",
            columns,
            [f"count by (version, name, estimator) ({chosen(series, 'model_info')})"],
        ).links(runbooks("ModelMissing")),
        number(
            "Age",
            f"Since the model was trained; after {days} days it counts as stale.",
            units.Seconds,
            f"max by (version) ({of_version(series, f'time() - {trained}')})",
            "{{version}}",
        )
        .height(8)
        .thresholds(above(days * _DAY / 2, days * _DAY))
        .links(runbooks("ModelStale")),
        number(
            "Time to load",
            "To read the model, check it and predict its example, on the slowest replica.",
            units.Seconds,
            f"max by (version) ({of_version(series, series.of('model_load_seconds'))})",
            "{{version}}",
        ).height(8),
        chart(
            "Releases",
            "Replicas by the release that they serve: a rollout, or its way back.",
            units.Short,
            {"{{release}}": f"count by (release) ({series.of('release_info')})"},
        ).links(runbooks("WrongRelease")),
    ]


def _predictions(watch: Watch) -> Sequence[Builder[Panel]]:
    """How many rows are predicted, how they come and what is answered."""
    series = watch.series
    total = of_version(series, rate(series, "model_prediction_rows_total"))
    batches = of_version(series, rate(series, "model_batch_rows_count"))
    sizes = of_version(series, rate(series, "model_batch_rows_bucket"))
    return [
        stacked(
            "Predictions by class",
            "Rows per second; a regression has no classes.",
            units.RowsPerSecond,
            {"{{class}} {{version}}": f"sum by (class, version) ({_classes(watch)})"},
        ),
        chart(
            "Rows and batches",
            "Rows predicted per second, and the batches that some of them came in.",
            units.Short,
            {
                "rows {{version}}": f"sum by (version) ({total})",
                "batches {{version}}": f"sum by (version) ({batches})",
            },
        ),
        chart(
            "Rows per batch",
            "Quantiles over all batches, estimated within the histogram's buckets.",
            units.Short,
            {f"{share:g} quantile": quantile(share, sizes) for share in (0.5, 0.9, 0.99)},
        ),
    ]


def _drift(watch: Watch) -> Sequence[Builder[Panel]]:
    """How far features and predictions are from training, and which bins moved."""
    series, quality = watch.series, watch.slo.quality
    limits = above(quality.psi_limit / 2, quality.psi_limit)
    index = f"Population stability index of {quality.window} against training; {quality.psi_limit:g} is the limit. "
    few = f"No value below {quality.minimum_rows} rows."
    counted = f"increase({chosen(series, 'model_feature_bin_total', _FEATURE)}[{quality.window}])"
    live = f"sum by (version, feature, bin) ({counted})"
    share = f"{live} / on (version, feature) group_left () sum by (version, feature) ({counted})"
    expected = f"max by (version, feature, bin) ({chosen(series, 'model_feature_bin_expected', _FEATURE)})"
    columns = {
        "version": "Version",
        "feature": "Feature",
        "bin": "Bin",
        "Value #A": f"Live, {quality.window}",
        "Value #B": "Training",
    }
    return [
        chart(
            "Drift of the predictions",
            index + few,
            units.Short,
            {"{{version}}": f'{PREDICTION_DRIFT}{{version=~"$version"}}'},
        )
        .thresholds(limits)
        .links(runbooks("PredictionDrift", "QualityBudgetBurn")),
        chart(
            "Drift by feature",
            index + few,
            units.Short,
            {"{{feature}} {{version}}": f'{FEATURE_DRIFT}{{version=~"$version",{_FEATURE}}}'},
        )
        .thresholds(limits)
        .links(runbooks("FeatureDrift")),
        rows(
            "Bins",
            "The share of each bin of the chosen features: which values became more frequent or rare.",
            columns,
            [share, expected],
        )
        .unit(units.PercentUnit)
        .links(runbooks("FeatureDrift")),
    ]


def _versions(watch: Watch) -> Sequence[Builder[Panel]]:
    """The versions that serve at the same time, by the same measures."""
    series, latency = watch.series, watch.slo.latency
    asked = of_version(series, rate(series, "api_requests_total", PREDICTIONS))
    failed = of_version(series, rate(series, "api_requests_total", PREDICTIONS, FAILED))
    buckets = of_version(series, rate(series, "api_request_latency_seconds_bucket", SINGLE))
    classes = f"sum by (class, version) ({_classes(watch)})"
    return [
        chart(
            "Failed predictions by version",
            "The share of requests that ended in a 5xx status.",
            units.PercentUnit,
            {"{{version}}": f"sum by (version) ({failed}) / (sum by (version) ({asked}) > 0)"},
        )
        .thresholds(above(1 - watch.slo.availability.target))
        .links(runbooks("ErrorRatioHigh")),
        chart(
            f"{latency.target:.4g} quantile by version",
            "Of single-row predictions.",
            units.Seconds,
            {"{{version}}": quantile(latency.target, buckets, "version")},
        )
        .thresholds(above(latency.threshold_seconds, latency.alarming_seconds))
        .links(runbooks("LatencyHigh")),
        chart(
            "Predictions by version",
            "Requests per second: how the traffic is divided.",
            units.RequestsPerSecond,
            {"{{version}}": f"sum by (version) ({asked})"},
        ),
        chart(
            "Classes of $version",
            "The share of each class in the rows that this version predicted.",
            units.PercentUnit,
            {"{{class}}": f"{classes} / on (version) group_left () (sum by (version) ({_classes(watch)}) > 0)"},
        )
        .repeat("version")
        .repeat_direction("h")
        .max_per_row(2)
        .span(12)
        .links(runbooks("PredictionDrift")),
    ]


def _classes(watch: Watch) -> str:
    """Rows per second, by class, of the chosen versions."""
    return f"rate({chosen(watch.series, 'model_predictions_total')}[$__rate_interval])"
