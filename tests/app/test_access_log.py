"""The access log: what a line holds, which requests get one, and that it never holds a feature's value unasked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.app.models import FLOWER
from tests.app.service import Service, Start, half_a_request

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
SECRET = 77123.25
BROKEN = {"shelf": 77123, "ratio": 1}
INVALID: list[Any] = [
    {"shelf": "77123", "ratio": 1},
    {"shelf": 3, "77123": 1},
    [77123],
    {"instances": [{"shelf": "77123"}]},
]


def lines(service: Service) -> list[dict[str, Any]]:
    return [line for line in service.log_lines() if line["logger"] == "app.access"]


def send_everything(service: Service) -> None:
    """Good rows, bad rows and rows that break the model, all with the number that must not be seen."""
    service.client.post("/predict", json={"shelf": 3, "ratio": SECRET})
    service.client.post("/predict/batch", json={"instances": [{"shelf": 3, "ratio": SECRET}] * 3})
    for body in INVALID:
        assert service.client.post("/predict", json=body).status_code == 422
        assert service.client.post("/predict/batch", json=body).status_code == 422
    service.client.post("/predict", content=b'{"shelf": 77123', headers={"content-type": "application/json"})
    service.client.get("/predict", params={"shelf": 77123})
    assert service.client.post("/predict", json=BROKEN).status_code == 500
    assert service.client.post("/predict/batch", json={"instances": [BROKEN]}).status_code == 500


def test_a_line_tells_what_was_asked_and_how_it_was_answered(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, ACCESS_LOG_SAMPLE=1)
    ids = {"x-request-id": "one", "traceparent": TRACEPARENT}
    service.client.post("/predict/batch", json={"instances": [FLOWER] * 3}, headers=ids)
    service.client.get("/nowhere")
    batch, nowhere = lines(service)
    assert batch.pop("ms") > 0
    assert (
        batch
        | {
            "message": "request",
            "severity": "INFO",
            "method": "POST",
            "path": "/predict/batch",
            "status": 200,
            "request_id": "one",
            "trace_id": TRACE,
            "rows": 3,
        }
        == batch
    )
    assert (nowhere["path"], nowhere["status"], nowhere["rows"], nowhere["trace_id"]) == ("/nowhere", 404, 0, None)


def test_by_default_only_failures_of_the_service_are_logged(start_service: Start, fragile: Path) -> None:
    service = start_service(fragile)
    send_everything(service)
    assert [(line["status"], line["severity"]) for line in lines(service)] == [(500, "WARNING")] * 2


def test_a_sample_is_logged(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, ACCESS_LOG_SAMPLE=0.5)
    for _ in range(100):
        service.client.get("/health/live")
    assert 10 < len(lines(service)) < 90


@pytest.mark.parametrize("sample", [0, 1])
def test_no_log_line_holds_a_feature_value_by_default(start_service: Start, fragile: Path, sample: int) -> None:
    service = start_service(fragile, ACCESS_LOG_SAMPLE=sample, LOG_LEVEL="debug")
    send_everything(service)
    assert "77123" not in service.log.read_text()
    (first, _) = [line for line in service.log_lines() if "traceback" in line]
    assert "Gather" in first["traceback"]  # where it failed is told all the same
    assert "LOG_FEATURES" in first["traceback"]


def test_feature_values_are_logged_where_they_are_asked_for(start_service: Start, fragile: Path) -> None:
    service = start_service(fragile, ACCESS_LOG_SAMPLE=1, LOG_FEATURES="true")
    send_everything(service)
    assert "77123.25" in lines(service)[0]["body"]
    assert any("77123" in line["traceback"] for line in service.log_lines() if "traceback" in line)


def test_a_shed_request_gets_no_line_of_its_own(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, MAX_CONCURRENT_REQUESTS=1)
    with half_a_request(service):
        while service.client.post("/predict", json=FLOWER).status_code != 503:
            pass
        assert lines(service) == []


def test_the_trace_of_the_caller_stands_in_problems_and_failures(fragile_service: Service) -> None:
    headers = {"x-request-id": "mine", "traceparent": TRACEPARENT}
    refused = fragile_service.client.post("/predict", json={}, headers=headers).json()
    assert (refused["instance"], refused["trace_id"]) == ("mine", TRACE)
    assert fragile_service.client.get("/nowhere", headers=headers).json()["trace_id"] == TRACE
    failed = fragile_service.client.post("/predict", json=BROKEN, headers=headers).json()
    assert failed["trace_id"] == TRACE
    (entry,) = [line for line in fragile_service.log_lines() if line.get("error_id") == failed["error_id"]]
    assert entry["trace_id"] == TRACE


@pytest.mark.parametrize("bad", ["", "00-x", f"ff-{TRACE}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01"])
def test_an_invalid_trace_context_is_none(fragile_service: Service, bad: str) -> None:
    assert "trace_id" not in fragile_service.client.post("/predict", json={}, headers={"traceparent": bad}).json()
