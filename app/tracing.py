"""Traces for an OpenTelemetry collector: a span per request, sent in batches from a thread of their own.

Imported only where `OTLP_ENDPOINT` is set: its packages are the optional extra ``trace``. The SDK's own environment
variables (``OTEL_TRACES_SAMPLER``, ``OTEL_SERVICE_NAME``, ``OTEL_EXPORTER_OTLP_HEADERS``, ``OTEL_BSP_…``) hold.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.artifact import Manifest
from app.exchange import Exchange
from app.metrics import METHODS, OTHER

EXPORT_SECONDS = 5.0  # for one batch, retries included; what does not get through is dropped
CLOSE_SECONDS = 2.0  # for the last batch, so that a dead collector does not hold up the shutdown

_CONTEXT = TraceContextTextMapPropagator()


class Tracing:
    """Opens and closes the spans of one process. A full queue drops spans and never holds up a request."""

    def __init__(self, endpoint: str, manifest: Manifest, release: str | None) -> None:
        facts = {"service.name": manifest.name, "service.version": release or manifest.version}
        resource = Resource.create(facts).merge(OTELResourceDetector().detect())
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("app")
        self._version = manifest.version

    def begin(self, exchange: Exchange, headers: Mapping[bytes, bytes]) -> None:
        """Open the span of ``exchange`` within the caller's trace, if it has one, and take its trace id."""
        carrier = {
            name: headers[name.encode()].decode("latin-1") for name in _CONTEXT.fields if name.encode() in headers
        }
        method = exchange.method if exchange.method in METHODS else "HTTP"
        known = exchange.endpoint != OTHER
        attributes = {
            "http.request.method": method if method in METHODS else "_OTHER",
            "url.path": exchange.path,
            "model.version": self._version,
            "request.id": exchange.request_id,
        }
        if known:
            attributes["http.route"] = exchange.endpoint
        exchange.span = self._tracer.start_span(
            f"{method} {exchange.endpoint}" if known else method,
            _CONTEXT.extract(carrier),
            SpanKind.SERVER,
            attributes,
        )
        exchange.trace_id = format_trace_id(exchange.span.get_span_context().trace_id)

    def end(self, exchange: Exchange, status: int) -> None:
        """Close the span of ``exchange``, answered with ``status``."""
        span = exchange.span
        if span is None:
            return
        span.set_attribute("http.response.status_code", status)
        if exchange.rows:
            span.set_attribute("model.rows", exchange.rows)
        if status >= 500:
            span.set_attribute("error.type", str(status))
            span.set_status(StatusCode.ERROR)
        span.end()

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
