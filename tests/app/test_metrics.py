"""Metrics as Prometheus scrapes them: what is counted, under which bounded labels, and for one process or several."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.artifact import MODEL, resolve
from app.worker_metrics import DIRECTORY_VARIABLE
from tests.app import models
from tests.app.models import FLOWER
from tests.app.service import BODY, Service, Start, eventually, free_port, half_a_request, parse_metrics


def requests_total(endpoint: str, method: str = "POST", status: int = 200) -> str:
    return f'api_requests_total{{endpoint="{endpoint}",method="{method}",status="{status}"}}'


def predictions_total(artifact: Path, name: str) -> str:
    return f'model_predictions_total{{class="{name}",version="{resolve(artifact).name}"}}'


def test_metrics_are_valid_prometheus_text_with_and_without_a_slash(flower_service: Service) -> None:
    for path in ("/metrics", "/metrics/"):
        answer = flower_service.client.get(path, follow_redirects=False)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        names = {family.name for family in text_string_to_metric_families(answer.text)}
        assert {"api_requests", "api_request_latency_seconds", "model_info", "process_resident_memory_bytes"} <= names


def test_open_metrics_are_served_to_who_prefers_them(flower_service: Service) -> None:
    answer = flower_service.client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_requests_rows_and_classes_are_counted(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, LATENCY_BUCKETS="0.5,60")
    virginica = FLOWER | {"petal length (cm)": 6.0, "petal width (cm)": 2.5}
    for body in (FLOWER, FLOWER, virginica):
        service.client.post("/predict", json=body)
    service.client.post("/predict/batch", json={"instances": [virginica] * 7})
    service.client.post("/predict", json={})
    service.client.get("/predict")
    metrics = service.metrics()
    assert metrics[requests_total("/predict")] == 3
    assert metrics[requests_total("/predict", status=422)] == 1
    assert metrics[requests_total("/predict", "GET", 405)] == 1
    assert metrics[requests_total("/predict/batch")] == 1
    assert metrics["model_prediction_rows_total"] == 10
    assert metrics[predictions_total(flowers, "setosa")] == 2
    assert metrics[predictions_total(flowers, "virginica")] == 8
    assert metrics[predictions_total(flowers, "versicolor")] == 0
    assert metrics["model_batch_rows_sum"] == 7
    assert metrics["model_batch_rows_count"] == 1
    assert metrics['api_request_latency_seconds_count{endpoint="/predict"}'] == 5
    assert metrics['api_request_latency_seconds_bucket{endpoint="/predict",le="60.0"}'] == 5
    assert not [name for name in metrics if 'le="0.001"' in name]


def test_what_serves_is_told(flower_service: Service, flowers: Path) -> None:
    metrics = flower_service.metrics()
    assert metrics[f'model_info{{estimator="linear",name="flowers",version="{resolve(flowers).name}"}}'] == 1
    assert metrics['release_info{release="flowers-1"}'] == 1
    assert 0 < metrics["model_load_seconds"] < 30
    assert metrics["model_created_timestamp_seconds"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
    assert metrics["api_requests_limit"] == 256
    assert metrics["api_requests_in_flight"] == 1  # the scrape itself


def test_a_regression_has_no_classes(price_service: Service) -> None:
    before = price_service.metrics()["model_prediction_rows_total"]
    price_service.client.post("/predict", json={"rooms": 1, "age": 1})
    price_service.client.post("/predict/batch", json={"instances": [{"rooms": 1, "age": 1}] * 2})
    metrics = price_service.metrics()
    assert metrics["model_prediction_rows_total"] == before + 3
    assert not [name for name in metrics if name.startswith("model_predictions_total")]


def test_unknown_paths_and_methods_make_no_new_series(flower_service: Service) -> None:
    flower_service.client.request("PROPFIND", "/nothing")
    flower_service.client.get("/nothing")
    flower_service.client.request("PROPFIND", "/predict")
    before = flower_service.metrics().keys()
    for number in range(20):
        flower_service.client.get(f"/{number}")
        flower_service.client.request("REPORT", f"/nothing/{number}")
        flower_service.client.request("MKCOL", "/predict")
    assert flower_service.metrics().keys() == before


def load(service: Service, stop: threading.Event) -> Counter[int]:
    """Ask until told to stop, every fifth time with a bad row; the number of answers by status."""
    statuses: Counter[int] = Counter()
    while not stop.is_set():
        bad = statuses.total() % 5 == 0
        statuses[service.client.post("/predict", json={} if bad else FLOWER).status_code] += 1
    return statuses


def test_two_workers_count_exactly_what_the_clients_counted(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, WORKERS=2, RELEASE="pair")
    eventually(lambda: len(service.workers()) == 2)
    stop = threading.Event()
    with ThreadPoolExecutor() as pool:
        clients = [pool.submit(load, service, stop) for _ in range(4)]
        for _ in range(30):  # scraped under load, counters never fall
            first, second = service.metrics(), service.metrics()
            assert all(second[name] >= first[name] for name in first if name.endswith(("_total", "_count", "_bucket")))
        stop.set()
        counted = sum((client.result() for client in clients), Counter())
    metrics = service.metrics()
    assert counted[200] > 0
    assert counted[422] > 0
    assert metrics[requests_total("/predict")] == counted[200]
    assert metrics[requests_total("/predict", status=422)] == counted[422]
    assert metrics['api_request_latency_seconds_count{endpoint="/predict"}'] == counted.total()
    assert metrics["model_prediction_rows_total"] == counted[200]
    assert metrics[predictions_total(flowers, "setosa")] == counted[200]
    assert metrics['release_info{release="pair"}'] == 1
    assert metrics["process_open_fds"] > 0
    eventually(lambda: service.metrics()["api_requests_in_flight"] == 1)  # the scrape itself


@pytest.mark.parametrize("separate", [False, True], ids=["on the port of the API", "on a port of their own"])
def test_a_killed_worker_is_replaced_and_its_counts_stay(start_service: Start, flowers: Path, separate: bool) -> None:
    port = free_port()
    service = start_service(flowers, WORKERS=2, **({"METRICS_PORT": port} if separate else {}))
    address = f"http://127.0.0.1:{port}/metrics" if separate else f"{service.url}/metrics"
    eventually(lambda: len(service.workers()) == 2)
    for _ in range(40):
        assert service.client.post("/predict", json=FLOWER).status_code == 200
    before = service.workers()
    for victim in before:
        os.kill(victim, signal.SIGKILL)
    eventually(lambda: len(service.workers()) == 2 and not set(service.workers()) & set(before))
    eventually(lambda: service.client.get("/health").status_code == 200)
    assert service.client.post("/predict", json=FLOWER).status_code == 200
    metrics = parse_metrics(service.client.get(address).text)
    assert metrics[requests_total("/predict")] == 41
    assert metrics["model_prediction_rows_total"] == 41
    own = 0 if separate else 1  # the scrape itself
    eventually(lambda: parse_metrics(service.client.get(address).text)["api_requests_in_flight"] == own)
    deaths = [line for line in service.log_lines() if line["message"] == "worker died"]
    assert [line["status"] for line in deaths] == [-signal.SIGKILL] * 2


def test_a_model_without_a_living_worker_is_not_told_to_serve(start_service: Start, tmp_path: Path) -> None:
    port, artifact = free_port(), models.flowers(tmp_path)
    service = start_service(artifact, WORKERS=2, METRICS_PORT=port)
    address = f"http://127.0.0.1:{port}/metrics"
    eventually(lambda: "model_info" in service.client.get(address).text)
    for file in artifact.rglob(MODEL):
        file.write_bytes(b"")  # so that no worker starts again
    for victim in service.workers():
        os.kill(victim, signal.SIGKILL)
    told = ("model_info", "release_info", "model_load_seconds", "model_created_timestamp_seconds")
    eventually(lambda: not any(name in service.client.get(address).text for name in told))
    assert "api_requests_total" in service.client.get(address).text


def test_metrics_on_a_port_of_their_own_leave_the_apis_port(start_service: Start, flowers: Path) -> None:
    port = free_port()
    service = start_service(flowers, METRICS_PORT=port)
    assert service.client.get("/metrics").status_code == 404
    assert "/metrics" not in service.client.get("/openapi.json").json()["paths"]
    service.client.post("/predict", json=FLOWER)
    metrics = parse_metrics(service.client.get(f"http://127.0.0.1:{port}/metrics").text)
    assert metrics[requests_total("/predict")] == 1
    assert metrics["process_resident_memory_bytes"] > 0


def test_a_first_failure_counts_from_zero(start_service: Start, flowers: Path) -> None:
    metrics = start_service(flowers).metrics()
    for endpoint in ("/predict", "/predict/batch"):
        assert [metrics[requests_total(endpoint, status=status)] for status in (200, 500, 503)] == [0, 0, 0]
        assert metrics[f'api_requests_shed_total{{endpoint="{endpoint}"}}'] == 0


def test_beyond_the_limit_predictions_are_refused_at_once_and_nothing_else_is(
    start_service: Start, flowers: Path
) -> None:
    service = start_service(flowers, MAX_CONCURRENT_REQUESTS=1)
    held = half_a_request(service)
    eventually(lambda: service.metrics()["api_requests_in_flight"] == 2)  # the scrape itself
    refused = service.client.post("/predict", json=FLOWER)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["type"] == "urn:mlplatform:problem:overloaded"
    assert service.client.post("/predict/batch", json={"instances": [FLOWER]}).status_code == 503
    assert service.client.get("/health").status_code == 200
    held.sendall(BODY[10:])
    assert held.recv(20).startswith(b"HTTP/1.1 200 ")
    held.close()
    assert service.client.post("/predict", json=FLOWER).status_code == 200
    metrics = service.metrics()
    assert metrics["api_requests_limit"] == 1
    for endpoint in ("/predict", "/predict/batch"):
        assert metrics[f'api_requests_shed_total{{endpoint="{endpoint}"}}'] == 1
        assert metrics[requests_total(endpoint, status=503)] == 1
    assert metrics["model_prediction_rows_total"] == 2


def test_a_file_that_a_starting_worker_has_just_opened_fails_no_scrape(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, WORKERS=2)
    eventually(lambda: len(service.workers()) == 2)
    entries = Path(f"/proc/{service.workers()[0]}/environ").read_text().split("\0")
    environment = dict(entry.split("=", 1) for entry in entries if entry)
    Path(environment[DIRECTORY_VARIABLE], "counter_7.db").touch()
    assert service.client.get("/metrics").status_code == 200


def test_the_limit_counts_for_every_worker(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, WORKERS=2, MAX_CONCURRENT_REQUESTS=3)
    eventually(lambda: service.metrics()["api_requests_limit"] == 6)


def test_the_documented_metrics_are_those_exposed(start_service: Start, loans: Path, repository: Path) -> None:
    service = start_service(loans, SHADOW_URL=f"http://127.0.0.1:{free_port()}")  # nobody's
    text = (repository / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|(.*?)\|", text, re.MULTILINE)
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    service.client.post("/predict", json={"age": 41, "region": "east", "owns_home": True})
    service.client.post("/predict/batch", json={"instances": [{"age": 41, "region": "east", "owns_home": True}]})
    exposed: dict[str, tuple[str, set[str]]] = {}
    for family in text_string_to_metric_families(service.client.get("/metrics").text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        exposed[name] = (family.type, {label for sample in family.samples for label in sample.labels} - {"le"})
    assert documented == exposed
