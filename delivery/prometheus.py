"""What two releases did in the last seconds, asked of the stack's Prometheus: the HTTP API is the same on every cloud.

How a question is signed is not: docs/delivery.md names the permissions.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from components.spec import Cloud
from delivery import sigv4
from delivery.judge import Counts
from delivery.unit import DeliveryError
from observability.series import FAILED, PREDICTIONS, SINGLE, Series, le
from observability.slo import Slo

ANSWER_SECONDS = 30
TOKENS: Mapping[Cloud, tuple[str, ...]] = {
    # learn.microsoft.com/azure/azure-monitor/metrics/prometheus-api-promql
    "azure": (
        *("az", "account", "get-access-token", "--resource", "https://prometheus.monitor.azure.com"),
        *("--query", "accessToken", "--output", "tsv"),
    ),
    # cloud.google.com/stackdriver/docs/managed-prometheus/query-api-ui
    "gcp": ("gcloud", "auth", "print-access-token"),
}
"""The command that prints a token for a question; the tools of the cloud's own login."""


class PrometheusError(DeliveryError):
    """A question that was not answered, and why."""


@dataclass(frozen=True)
class Prometheus:
    """The API at ``url``; ``cloud`` is whose it is, "local" for one that asks for no sign."""

    url: str
    cloud: Cloud
    series: Series
    slo: Slo

    def counts(self, releases: tuple[str, str], seconds: int) -> tuple[Counts, Counts]:
        """What each of two releases did in the last ``seconds``; raises PrometheusError."""
        requests = self._by_release("api_requests_total", seconds, PREDICTIONS)
        errors = self._by_release("api_requests_total", seconds, PREDICTIONS, FAILED)
        timed = self._by_release("api_request_latency_seconds_count", seconds, SINGLE)
        bound = le(self.slo.latency.threshold_seconds)
        fast = self._by_release("api_request_latency_seconds_bucket", seconds, SINGLE, bound)
        rows = self._ask(f"sum by (release, bin) ({self._increase('model_prediction_bin_total', seconds)})")
        shares = self._ask(f"max by (release, bin) ({self._named(self.series.of('model_prediction_bin_expected'))})")

        def of(release: str) -> Counts:
            live = {labels["bin"]: round(value) for labels, value in rows if labels.get("release") == release}
            trained = {labels["bin"]: value for labels, value in shares if labels.get("release") == release}
            answered = timed.get(release, 0)
            return Counts(
                requests=requests.get(release, 0),
                errors=min(errors.get(release, 0), requests.get(release, 0)),
                timed=answered,
                slow=max(answered - fast.get(release, 0), 0),
                bins={name: (live.get(name, 0), trained.get(name, 0.0)) for name in live.keys() | trained.keys()},
            )

        return of(releases[0]), of(releases[1])

    def _by_release(self, metric: str, seconds: int, *matchers: str) -> dict[str, int]:
        found = self._ask(f"sum by (release) ({self._increase(metric, seconds, *matchers)})")
        return {labels.get("release", ""): round(value) for labels, value in found}

    def _increase(self, metric: str, seconds: int, *matchers: str) -> str:
        return self._named(f"increase({self.series.of(metric, *matchers)}[{seconds}s])")

    def _named(self, expr: str) -> str:
        """``expr`` with the release of each replica, which its own series tell on every cloud."""
        return f"{expr} * on (job, instance) group_left (release) {self.series.of('release_info')}"

    def _ask(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """The labels and the value of each series that ``expr`` gives now."""
        body = urllib.parse.urlencode({"query": expr}).encode()
        request = urllib.request.Request(  # noqa: S310  the stack's own address
            f"{self.url.rstrip('/')}/api/v1/query", body, self._signed(body)
        )
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:  # noqa: S310
                answer: Any = json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                said = " ".join(error.read(300).decode(errors="replace").split())
            raise PrometheusError(f"{self.url} answers {error.code}: {said}") from error
        except (OSError, ValueError) as error:
            raise PrometheusError(f"{self.url} does not answer ({error})") from error
        return [(series["metric"], float(series["value"][1])) for series in answer["data"]["result"]]

    def _signed(self, body: bytes) -> dict[str, str]:
        """The headers of a question."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self.cloud == "aws":
            return _signed_by_aws(f"{self.url.rstrip('/')}/api/v1/query", body, headers)
        if command := TOKENS.get(self.cloud):
            return {**headers, "Authorization": f"Bearer {_printed(command)}"}
        return headers


def _printed(command: tuple[str, ...]) -> str:
    """The token that a cloud's command prints."""
    if shutil.which(command[0]) is None:
        raise PrometheusError(f"no {command[0]} on the PATH to get a token with for the stack's Prometheus")
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603  one of `TOKENS`
    if done.returncode != 0:
        raise PrometheusError(f"{' '.join(command[:3])} failed: {' '.join(done.stderr.split())}")
    return done.stdout.strip()


def _signed_by_aws(url: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
    """``headers`` with Amazon's signature."""
    region = urllib.parse.urlsplit(url).netloc.split(".")[1]  # aps-workspaces.<region>.amazonaws.com
    return sigv4.signed(
        _credentials(), "POST", url, body, headers, region=region, service="aps", at=datetime.now(tz=UTC)
    )


def _credentials() -> sigv4.Credentials:
    """Those of the environment, else what Amazon's command line finds."""
    if key := os.environ.get("AWS_ACCESS_KEY_ID"):
        secret, token = os.environ.get("AWS_SECRET_ACCESS_KEY", ""), os.environ.get("AWS_SESSION_TOKEN")
        return sigv4.Credentials(key, secret, token)
    found = json.loads(_printed(("aws", "configure", "export-credentials", "--format", "process")))
    return sigv4.Credentials(found["AccessKeyId"], found["SecretAccessKey"], found.get("SessionToken"))
