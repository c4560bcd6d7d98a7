"""The service's series by the names it exposes them under, as PromQL."""

from __future__ import annotations

from dataclasses import dataclass

from observability.slo import Quality, Slo

PREDICTIONS = r'endpoint=~"/predict.*|/v2/.*/infer"'
"""The matcher of requests for predictions."""
FAILED = 'status=~"5.."'
"""That of requests that the service failed."""
SINGLE = 'endpoint="/predict"'
"""That of requests for one row, which the latency objective is about."""
_LEAST_SHARE = 0.0001
"""What an empty bin counts as, so that the index stays finite."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Expressions over one deployment's series; ``matchers`` tell it from others in the same store."""

    matchers: str = 'job="service"'

    def of(self, metric: str, *matchers: str) -> str:
        """``metric`` of this deployment, narrowed by further label matchers."""
        return metric + "{" + ",".join((self.matchers, *matchers)) + "}"

    def requests(self, window: str) -> str:
        """How many predictions were asked for in ``window``, whatever the outcome."""
        return f"sum(increase({self.of('api_requests_total', PREDICTIONS)}[{window}]))"

    def errors(self, window: str) -> str:
        """How many of them the service failed."""
        return f"sum(increase({self.of('api_requests_total', PREDICTIONS, FAILED)}[{window}]))"

    def timed(self, window: str) -> str:
        """How many single-row predictions were answered in ``window``."""
        return f"sum(increase({self.of('api_request_latency_seconds_count', SINGLE)}[{window}]))"

    def fast(self, slo: Slo, window: str) -> str:
        """How many of them were as fast as promised."""
        metric = self.of("api_request_latency_seconds_bucket", SINGLE, le(slo.latency.threshold_seconds))
        return f"sum(increase({metric}[{window}]))"

    def psi(self, counts: str, shares: str, by: str, quality: Quality) -> str:
        """The population stability index of ``counts`` against ``shares``, for each value of the labels ``by``.

        PSI = Σ over bins of (a - e) · ln(a / e), a the share of the window's rows in a bin and e the share in training
        (Yurdakul, "Statistical Properties of Population Stability Index", Western Michigan University 2018, eq. 1.1).
        No value where fewer than ``quality.minimum_rows`` rows came in the window.
        """
        increase = f"increase({self.of(counts)}[{quality.window}])"
        rows = f"sum by ({by}) ({increase})"
        actual = f"clamp_min(sum by ({by}, bin) ({increase}) / on ({by}) group_left () {rows}, {_LEAST_SHARE})"
        expected = f"clamp_min(max by ({by}, bin) ({self.of(shares)}), {_LEAST_SHARE})"
        index = f"sum by ({by}) (({actual} - {expected}) * ln({actual} / {expected}))"
        return f"{index} and ({rows} >= {quality.minimum_rows})"


def le(seconds: float) -> str:
    """The matcher of a bucket; clients write its bound as 1 or as 1.0."""
    text = f"{seconds:g}"
    return f'le="{text}"' if "." in text else f'le=~"{text}([.]0)?"'
