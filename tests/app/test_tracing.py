"""Traces, received as a collector would: OTLP over HTTP."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from app.artifact import resolve
from tests.app.models import FLOWER
from tests.app.service import Start, eventually, failed_start, free_port

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(ThreadingHTTPServer):
    """Keeps every span that it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.requests: list[ExportTraceServiceRequest] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> dict[str, Span]:
        """The spans so far, by name and status."""
        found: dict[str, Span] = {}
        for request in self.requests:
            for span in request.resource_spans[0].scope_spans[0].spans:
                found[f"{span.name} {values(span)['http.response.status_code']}"] = span
        return found


class Receiver(BaseHTTPRequestHandler):
    """Answers what an exporter sends to a collector."""

    def do_POST(self) -> None:
        collector = cast("Collector", self.server)
        body = self.rfile.read(int(self.headers["content-length"]))
        assert (self.path, self.headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        collector.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def values(record: Any) -> dict[str, Any]:
    """The attributes of a span or resource."""
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in record.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("count", [1, 2])
def test_every_request_is_a_span_of_the_callers_trace(
    start_service: Start, fragile: Path, collector: Collector, count: int
) -> None:
    service = start_service(
        fragile, OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY=50, RELEASE="r-1", WORKERS=count
    )
    parent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    service.client.post("/predict", json={"shelf": 3, "ratio": 2}, headers=parent)
    service.client.post("/predict/batch", json={"instances": [{"shelf": 3, "ratio": 2}] * 4})
    failed = service.client.post("/predict", json={"shelf": 77, "ratio": 2}).json()
    service.client.get("/health")
    service.client.get("/no/such/path")
    expected = {"POST /predict 200", "POST /predict/batch 200", "POST /predict 500", "GET /health 200", "GET 404"}
    eventually(lambda: expected <= collector.spans().keys())
    spans = collector.spans()
    one = spans["POST /predict 200"]
    assert (one.trace_id.hex(), one.parent_span_id.hex(), one.kind) == (TRACE, PARENT, Span.SPAN_KIND_SERVER)
    assert one.end_time_unix_nano > one.start_time_unix_nano
    attributes = values(one)
    assert attributes.pop("request.id") == TRACE
    assert attributes == {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "url.path": "/predict",
        "model.version": resolve(fragile).name,
        "model.rows": 1,
    }
    assert values(spans["POST /predict/batch 200"])["model.rows"] == 4
    assert spans["POST /predict 500"].status.code == Status.STATUS_CODE_ERROR
    assert failed["trace_id"] == spans["POST /predict 500"].trace_id.hex()
    assert "http.route" not in values(spans["GET 404"])
    resource = values(collector.requests[0].resource_spans[0].resource)
    assert (resource["service.name"], resource["service.version"]) == ("fragile", "r-1")


def test_what_is_left_is_sent_at_the_end(start_service: Start, flowers: Path, collector: Collector) -> None:
    service = start_service(flowers, OTLP_ENDPOINT=f"{collector.url}/", OTEL_SERVICE_NAME="mine")
    service.client.post("/predict", json=FLOWER)
    assert service.stop() == 0
    assert "POST /predict 200" in collector.spans()
    assert values(collector.requests[0].resource_spans[0].resource)["service.name"] == "mine"


def test_a_collector_that_is_gone_holds_nothing_up(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}", OTEL_BSP_SCHEDULE_DELAY=50)
    for _ in range(100):
        assert service.client.post("/predict", json=FLOWER).status_code == 200
    assert service.stop() == 0


def test_without_its_packages_one_line_says_how_to_get_them(flowers: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['opentelemetry.sdk'] = None\n")
    told = failed_start(flowers, OTLP_ENDPOINT="http://127.0.0.1:4318", PYTHONPATH=tmp_path)
    assert told.startswith("OTLP_ENDPOINT='http://127.0.0.1:4318': ")
    assert "pip install 'mlplatform[trace]'" in told


def test_nothing_of_it_is_loaded_unasked(repository: Path) -> None:
    program = "import sys, app.server; print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=repository, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
