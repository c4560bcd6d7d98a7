"""The service's series as panels ask for them: rates over what Grafana resolves, by release or by model version.

A replica's release and version are told by series of their own, with which the others are joined. What tells replicas
apart differs from target to target (an instance, a replica, a slot), so the join compares every label but those that
the metric has itself.
"""

from __future__ import annotations

from observability.series import Series

_OWN = "endpoint, method, status, le"
_RELEASE, _VERSION = 'release=~"$release"', 'version=~"$version"'


def rate(series: Series, metric: str, *matchers: str) -> str:
    """How much the counter ``metric`` grows per second."""
    return f"rate({series.of(metric, *matchers)}[$__rate_interval])"


def of_release(series: Series, expr: str) -> str:
    """``expr`` with the label ``release``, of the releases that are chosen."""
    info = series.of("release_info", _RELEASE)
    return f"({expr}) * ignoring ({_OWN}, release) group_left (release) {info}"


def of_version(series: Series, expr: str) -> str:
    """``expr`` of a metric without ``version`` with that label, of the versions that are chosen."""
    info = series.of("model_info", _VERSION)
    return f"({expr}) * ignoring ({_OWN}, name, version, estimator) group_left (version) {info}"


def chosen(series: Series, metric: str, *matchers: str) -> str:
    """``metric``, which has the label ``version`` itself, of the versions that are chosen."""
    return series.of(metric, _VERSION, *matchers)


def quantile(share: float, buckets: str, by: str = "") -> str:
    """The quantile ``share`` of the histogram whose rates are ``buckets``, for each value of the labels ``by``."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share:g}, sum by ({labels}) ({buckets}))"
