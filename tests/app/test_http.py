"""What the HTTP surface does with everything that is not a good prediction request."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.app.models import FLOWER
from tests.app.service import Service

JSON = {"content-type": "application/json"}


def problem(answer: Any, status: int) -> dict[str, Any]:
    """The problem of an answer, with what every problem must carry."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status
    assert found["instance"] == answer.headers["x-request-id"]
    assert found["type"]
    assert found["title"]
    assert found["detail"]
    return found


def raw(service: Service, request: bytes) -> bytes:
    """Send bytes over a connection of its own and return all that comes back until it closes."""
    with socket.create_connection(service.address, timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_bad_row_is_answered_with_every_bad_field(flower_service: Service) -> None:
    names = [*FLOWER]
    body = {names[0]: "5.1", names[1]: None, names[3]: True, "colour": "blue"}
    found = problem(flower_service.client.post("/predict", json=body), 422)
    assert [entry["pointer"] for entry in found["errors"]] == [f"/{name}" for name in [*names, "colour"]]


def test_a_batch_with_one_bad_row_names_the_row(flower_service: Service) -> None:
    rows: list[Any] = [FLOWER, FLOWER | {"petal width (cm)": "wide"}, FLOWER]
    found = problem(flower_service.client.post("/predict/batch", json={"instances": rows}), 422)
    assert [entry["pointer"] for entry in found["errors"]] == ["/instances/1/petal width (cm)"]


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused_by_name(flower_service: Service, literal: str) -> None:
    body = json.dumps(FLOWER).replace("5.1", literal)
    found = problem(flower_service.client.post("/predict", content=body, headers=JSON), 422)
    assert [entry["pointer"] for entry in found["errors"]] == ["/sepal length (cm)"]


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": 1,}', b"\xff", b"\xef\xbb\xbf{}", b"[" * 15_000])
@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
def test_a_body_that_is_not_json_is_answered_400(flower_service: Service, path: str, body: bytes) -> None:
    problem(flower_service.client.post(path, content=body, headers=JSON), 400)


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
def test_json_is_recognised_with_its_parameters(flower_service: Service, content_type: str) -> None:
    answer = flower_service.client.post("/predict", content=json.dumps(FLOWER), headers={"content-type": content_type})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/jsonp"},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_other_media_types_are_answered_415(flower_service: Service, headers: dict[str, str]) -> None:
    answer = flower_service.client.post("/predict", content=json.dumps(FLOWER), headers=headers)
    problem(answer, 415)


def test_a_body_above_the_limit_is_answered_413(flower_service: Service) -> None:
    body = json.dumps({"instances": [FLOWER] * 1_000})
    found = problem(flower_service.client.post("/predict/batch", content=body, headers=JSON), 413)
    assert "20000 bytes" in found["detail"]


def test_a_body_that_grows_above_the_limit_while_it_streams_is_answered_413(flower_service: Service) -> None:
    def chunks() -> Iterator[bytes]:
        yield from (b" " * 1_000 for _ in range(50))

    problem(flower_service.client.post("/predict", content=chunks(), headers=JSON), 413)


def test_the_limit_is_told_before_a_byte_of_the_body_is_sent(flower_service: Service) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n"
    with socket.create_connection(flower_service.address, timeout=20) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


def test_a_body_in_many_small_pieces_is_put_together(flower_service: Service) -> None:
    body = json.dumps(FLOWER).encode()
    pieces = (body[index : index + 1] for index in range(len(body)))
    answer = flower_service.client.post("/predict", content=pieces, headers=JSON)
    assert answer.status_code == 200


def test_a_wrong_method_is_answered_405_with_the_right_one(flower_service: Service) -> None:
    for path, allowed in {"/predict": "POST", "/predict/batch": "POST", "/health": "GET", "/metrics": "GET"}.items():
        for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} - {allowed}:
            answer = flower_service.client.request(method, path)
            problem(answer, 405)
            assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/index.html", "/predict/", "/predict/other", "/../etc/passwd", "/%00", "/health/"])
def test_an_unknown_path_is_answered_404(flower_service: Service, path: str) -> None:
    problem(flower_service.client.get(path), 404)


def test_a_sane_request_id_is_kept_and_others_are_replaced(flower_service: Service) -> None:
    for path in ("/health", "/predict"):
        kept = flower_service.client.get(path, headers={"x-request-id": "order-66.a_B"})
        assert kept.headers["x-request-id"] == "order-66.a_B"
        for bad in ("", "x" * 129, "a b", 'a"b', "<script>"):
            assert flower_service.client.get(path, headers={"x-request-id": bad}).headers["x-request-id"] != bad


def test_a_request_of_a_trace_carries_the_traces_id(flower_service: Service) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    assert flower_service.client.get("/health", headers=headers).headers["x-request-id"] == trace
    own = flower_service.client.get("/health", headers=headers | {"x-request-id": "mine"})
    assert own.headers["x-request-id"] == "mine"


def test_generated_request_ids_differ(flower_service: Service) -> None:
    ids = {flower_service.client.get("/health").headers["x-request-id"] for _ in range(20)}
    assert len(ids) == 20


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
    ],
)
def test_what_is_not_http_is_answered_400(flower_service: Service, request_bytes: bytes) -> None:
    assert raw(flower_service, request_bytes).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_leaves_in_the_middle_of_its_body_does_no_harm(flower_service: Service) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    for _ in range(20):
        with socket.create_connection(flower_service.address, timeout=20) as connection:
            connection.sendall(head + b'{"half": ')
    assert flower_service.client.post("/predict", json=FLOWER).status_code == 200


def test_pipelined_requests_are_answered_in_order(flower_service: Service) -> None:
    requests = b"".join(
        b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Request-ID: n%d\r\n\r\n" % number for number in range(5)
    )
    with socket.create_connection(flower_service.address, timeout=20) as connection:
        connection.sendall(requests)
        received = b""
        while received.count(b'{"status":"alive"}') < 5:
            received += connection.recv(65536)
    positions = [received.index(b"x-request-id: n%d\r\n" % number) for number in range(5)]
    assert positions == sorted(positions)


def test_health_tells_what_serves(flower_service: Service) -> None:
    health = flower_service.client.get("/health")
    assert health.status_code == 200
    assert health.json() == {
        "status": "ready",
        "release": "flowers-1",
        "model": "flowers",
        "model_version": flower_service.client.get("/model").json()["version"],
        "model_created": "2026-01-02T03:04:05+00:00",
    }
    assert flower_service.client.get("/health/live").json() == {"status": "alive"}


def test_health_without_a_release_says_null(loan_service: Service) -> None:
    assert loan_service.client.get("/health").json()["release"] is None


def test_the_documentation_is_served(flower_service: Service) -> None:
    page = flower_service.client.get("/docs")
    assert page.status_code == 200
    assert "docs/docs.js" in page.text
    assert "openapi.json" in flower_service.client.get("/docs/docs.js").text


def test_the_answer_does_not_name_the_server_software(flower_service: Service) -> None:
    assert "server" not in flower_service.client.get("/health").headers
