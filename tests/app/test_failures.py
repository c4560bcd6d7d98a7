"""Predictions that fail inside the service: the caller learns an error id, the log everything, the process nothing."""

from __future__ import annotations

import pytest

from tests.app.service import Service

GOOD = {"shelf": 3, "ratio": 2}
OUT_OF_BOUNDS = {"shelf": 77_123, "ratio": 1}
INFINITE = {"shelf": 3, "ratio": 0}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/predict", OUT_OF_BOUNDS),
        ("/predict", INFINITE),
        ("/predict/batch", {"instances": [GOOD, OUT_OF_BOUNDS]}),
        ("/predict/batch", {"instances": [GOOD, INFINITE]}),
    ],
)
def test_a_prediction_error_is_answered_500_and_logged_under_its_id(
    fragile_service: Service, path: str, body: object
) -> None:
    answer = fragile_service.client.post(path, json=body, headers={"x-request-id": "broken"})
    problem = answer.json()
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    (entry,) = [line for line in fragile_service.log_lines() if line.get("error_id") == problem["error_id"]]
    assert entry["severity"] == "ERROR"
    assert entry["request_id"] == problem["instance"] == "broken"
    assert "Traceback" in entry["traceback"]
    for secret in ("Traceback", "onnx", "Gather", "77123", "finite", ".py"):
        assert secret not in answer.text


def test_error_ids_differ_even_where_the_request_ids_do_not(fragile_service: Service) -> None:
    answers = [fragile_service.client.post("/predict", json=INFINITE, headers={"x-request-id": "x"}) for _ in range(2)]
    first, second = (answer.json()["error_id"] for answer in answers)
    assert first != second


def test_the_process_goes_on_after_errors(fragile_service: Service) -> None:
    for _ in range(30):
        assert fragile_service.client.post("/predict", json=OUT_OF_BOUNDS).status_code == 500
        assert fragile_service.client.post("/predict", json={"shelf": "x"}).status_code == 422
    assert fragile_service.client.post("/predict", json=GOOD).json()["prediction"] == 1.5
    assert fragile_service.client.get("/health").status_code == 200
    assert fragile_service.process.poll() is None


def test_failed_predictions_are_counted_as_requests_and_not_as_predictions(fragile_service: Service) -> None:
    failed = 'api_requests_total{endpoint="/predict",method="POST",status="500"}'
    before = fragile_service.metrics()
    fragile_service.client.post("/predict", json=INFINITE)
    after = fragile_service.metrics()
    assert after[failed] == before.get(failed, 0) + 1
    assert after["model_prediction_rows_total"] == before["model_prediction_rows_total"]


def test_nothing_but_json_lines_reaches_the_log(fragile_service: Service) -> None:
    fragile_service.client.post("/predict", json=OUT_OF_BOUNDS)
    assert all(
        {"time", "severity", "message", "logger", "pid"} <= entry.keys() for entry in fragile_service.log_lines()
    )
