"""What the service counts, in Prometheus' terms, and the text it is scraped as.

With several workers each writes its counts into files of a directory that the supervisor made; any of them (or the
supervisor) then exposes the sum. Children are looked up once and kept, so that counting costs about a microsecond.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    values,
)
from prometheus_client.exposition import choose_encoder

from app.artifact import Manifest
from app.bins import BinCollector, Layout
from app.errors import HeadTooLarge, MalformedRequest, RequestTooSlow, TooManyConnections
from app.schema import Feed
from app.settings import Settings
from app.tally import Tally, cells_file
from app.worker_metrics import DIRECTORY_VARIABLE, workers_registry

OTHER = "other"  # the label of paths and methods that are not ours, whose number has no bound
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PREDICTED = (200, 500, 503)  # counted from 0: of a series that begins with 1, a first failure shows no increase
_ROWS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)


class Metrics:
    """The metrics of one process. ``slot`` is the worker's number, None where there is one process only."""

    def __init__(self, settings: Settings, manifest: Manifest, slot: int | None = None) -> None:
        disable_created_metrics()  # they would double the number of series
        registry = CollectorRegistry()
        layout = Layout(manifest, settings.drift_features)
        if slot is None:
            values.ValueClass = values.MutexValue
            self._tally = Tally(layout, manifest)
            self.registry = registry
            ProcessCollector(registry=registry)
            registry.register(BinCollector(layout, self._tally.read))
        else:
            # By slot rather than by process id: a replaced worker goes on with its predecessor's counts.
            values.ValueClass = values.MultiProcessValue(process_identifier=lambda: slot)
            directory = Path(os.environ[DIRECTORY_VARIABLE])
            self._tally = Tally(layout, manifest, cells_file(directory, slot))
            self.registry = workers_registry(directory, layout)
        self._requests_total = Counter(
            "api_requests_total", "Requests answered.", ("endpoint", "method", "status"), registry=registry
        )
        self._latency_seconds = Histogram(
            "api_request_latency_seconds",
            "Time from the end of a request's headers to its answer.",
            ("endpoint",),
            buckets=settings.latency_buckets,
            registry=registry,
        )
        self.in_flight = Gauge(
            "api_requests_in_flight", "Requests being answered.", registry=registry, multiprocess_mode="livesum"
        )
        limit = Gauge(
            "api_requests_limit",
            "Predictions that may be under way at once.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        limit.set(settings.max_concurrent_requests)
        self._shed_total = Counter(
            "api_requests_shed_total", "Predictions refused unread.", ("endpoint",), registry=registry
        )
        self._refused_total = Counter(
            "api_connections_refused_total",
            "Connections closed for what came before a request was understood.",
            ("reason",),
            registry=registry,
        )
        for error in (MalformedRequest, RequestTooSlow, HeadTooLarge, TooManyConnections):
            self._refused_total.labels(error.kind)
        self._batch_rows = Histogram("model_batch_rows", "Rows per batch.", buckets=_ROWS, registry=registry)
        self._load_seconds = Gauge(
            "model_load_seconds", "Time to load and check the model.", registry=registry, multiprocess_mode="livemax"
        )
        self._requests: dict[tuple[str, str, int], Counter] = {}
        self._latency: dict[str, Histogram] = {}
        self._registry = registry
        model = {"name": manifest.name, "version": manifest.version, "estimator": manifest.estimator}
        _info("model_info", "The model that serves.", model, registry)
        _info("release_info", "The release that serves.", {"release": settings.release or "none"}, registry)

    def loaded(self, seconds: float, created: float | None, engine: str) -> None:
        """Note how long the model took to load, when it was made (Unix time) if that is known, and what computes it."""
        self._load_seconds.set(seconds)
        _info("model_engine_info", "What computes predictions.", {"engine": engine}, self._registry)
        if created is not None:
            Gauge(
                "model_created_timestamp_seconds",
                "When the model was made.",
                registry=self._registry,
                multiprocess_mode="livemax",
            ).set(created)

    def expect(self, endpoint: str) -> None:
        """Count from 0 what predictions at ``endpoint`` may come to."""
        self._latency[endpoint] = self._latency_seconds.labels(endpoint)
        self._shed_total.labels(endpoint)
        for status in _PREDICTED:
            self._requests[endpoint, "POST", status] = self._requests_total.labels(endpoint, "POST", str(status))

    def shed(self, endpoint: str) -> None:
        """Count a request that was refused unread."""
        self._shed_total.labels(endpoint).inc()

    def expect_shadow(self) -> None:
        """Count from 0 what copies of predictions may come to."""
        self._shadow_total = Counter(
            "model_shadow_requests_total",
            "Predictions that were asked of another release, too, by what became of it.",
            ("outcome",),
            registry=self._registry,
        )
        for outcome in ("same", "different", "failed", "dropped"):
            self._shadow_total.labels(outcome)

    def shadowed(self, outcome: str) -> None:
        """Count a copy of a prediction that came to ``outcome``."""
        self._shadow_total.labels(outcome).inc()

    def refused(self, reason: str) -> None:
        """Count a connection that was closed before there was a request to answer; ``reason`` is an error's kind."""
        self._refused_total.labels(reason).inc()

    def answered(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request and its latency; ``endpoint`` is one of the service's paths or `OTHER`."""
        counter = self._requests.get((endpoint, method, status))
        if counter is None:
            known = method if method in METHODS else OTHER
            counter = self._requests_total.labels(endpoint, known, str(status))
            self._latency[endpoint] = self._latency_seconds.labels(endpoint)
            if known != OTHER:
                self._requests[endpoint, method, status] = counter
        counter.inc()
        self._latency[endpoint].observe(seconds)

    def predicted_row(self, values: tuple[Any, ...], answer: float) -> None:
        """Count a row, its values in the graph's order, and its class index or value."""
        self._tally.count_row(values, answer)

    def predicted_batch(self, feed: Feed, answers: NDArray[Any]) -> None:
        """Count a batch, ``answers`` being the class indices or values of its rows."""
        self._batch_rows.observe(len(answers))
        self._tally.count_batch(feed, answers)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that the ``Accept`` header prefers, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


def _info(name: str, meaning: str, labels: dict[str, str], registry: CollectorRegistry) -> None:
    """A gauge of value 1 that carries facts as labels; `prometheus_client.Info` does not work across processes."""
    Gauge(name, meaning, tuple(labels), registry=registry, multiprocess_mode="livemax").labels(*labels.values()).set(1)
