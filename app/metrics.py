"""What the service counts, in Prometheus' terms, and the text it is scraped as.

With several workers each writes its counts into files of a directory that the supervisor made; any of them (or the
supervisor) then exposes the sum. Children are looked up once and kept, so that counting costs about a microsecond.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
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
from app.schema import class_name
from app.settings import Settings
from app.worker_metrics import DIRECTORY_VARIABLE, workers_registry

OTHER = "other"  # the label of paths and methods that are not ours, whose number has no bound
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_ROWS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)


class Metrics:
    """The metrics of one process. ``slot`` is the worker's number, None where there is one process only."""

    def __init__(self, settings: Settings, manifest: Manifest, slot: int | None = None) -> None:
        disable_created_metrics()  # they would double the number of series
        registry = CollectorRegistry()
        if slot is None:
            values.ValueClass = values.MutexValue
            self.registry = registry
            ProcessCollector(registry=registry)
        else:
            # By slot rather than by process id: a replaced worker goes on with its predecessor's counts.
            values.ValueClass = values.MultiProcessValue(process_identifier=lambda: slot)
            self.registry = workers_registry(Path(os.environ[DIRECTORY_VARIABLE]))
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
        self._rows = Counter("model_prediction_rows_total", "Rows predicted.", registry=registry)
        self._batch_rows = Histogram("model_batch_rows", "Rows per batch.", buckets=_ROWS, registry=registry)
        self._load_seconds = Gauge(
            "model_load_seconds", "Time to load and check the model.", registry=registry, multiprocess_mode="max"
        )
        self._requests: dict[tuple[str, str, int], Counter] = {}
        self._latency: dict[str, Histogram] = {}
        self._classes: list[Counter] = []
        if manifest.classes:
            classes = Counter("model_predictions_total", "Rows predicted, by class.", ("class",), registry=registry)
            self._classes = [classes.labels(class_name(value)) for value in manifest.classes]
        model = {"name": manifest.name, "version": manifest.version, "estimator": manifest.estimator}
        _info("model_info", "The model that serves.", model, registry)
        _info("release_info", "The release that serves.", {"release": settings.release or "none"}, registry)

    def loaded(self, seconds: float) -> None:
        """Note that the model took ``seconds`` to load."""
        self._load_seconds.set(seconds)

    def answered(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        """Count an answered request and its latency; ``endpoint`` is one of the service's paths or `OTHER`."""
        counter = self._requests.get((endpoint, method, status))
        if counter is None:
            known = method if method in _METHODS else OTHER
            counter = self._requests_total.labels(endpoint, known, str(status))
            self._latency[endpoint] = self._latency_seconds.labels(endpoint)
            if known != OTHER:
                self._requests[endpoint, method, status] = counter
        counter.inc()
        self._latency[endpoint].observe(seconds)

    def predicted_class(self, label: int) -> None:
        """Count one row predicted as the class with index ``label``."""
        self._rows.inc()
        self._classes[label].inc()

    def predicted_value(self) -> None:
        """Count one row of a regression."""
        self._rows.inc()

    def predicted_batch(self, rows: int, labels: NDArray[Any] | None) -> None:
        """Count a batch; ``labels`` are the class indices of its rows, None for a regression."""
        self._rows.inc(rows)
        self._batch_rows.observe(rows)
        if labels is not None:
            for label, count in enumerate(np.bincount(labels).tolist()):
                if count:
                    self._classes[label].inc(count)

    def expose(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the format that the ``Accept`` header prefers, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


def _info(name: str, meaning: str, labels: dict[str, str], registry: CollectorRegistry) -> None:
    """A gauge of value 1 that carries facts as labels; `prometheus_client.Info` does not work across processes."""
    Gauge(name, meaning, tuple(labels), registry=registry, multiprocess_mode="max").labels(*labels.values()).set(1)
