"""Who is let in and how often, which pages may ask, and what every answer tells a browser."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from app.errors import TooManyRequests
from app.exchange import Exchange
from app.guard import Guard
from app.keys import Keys, make
from tests.app.models import FLOWER
from tests.app.service import Service, Start, eventually, free_port
from tests.app.test_http import problem
from tests.app.test_keys import Clock
from tests.app.v2.clients import connect, inputs

KEY, DIGEST = make()
OTHER, OTHER_DIGEST = make()
BEARER = {"authorization": f"Bearer {KEY}"}
ORIGIN = "https://app.example.com"
OPEN = ["/health", "/health/live", "/v2/health/live", "/v2/health/ready", "/", "/console/main.js"]
CLOSED = [
    "/metrics",
    "/metrics/",
    "/model",
    "/model/report",
    "/docs",
    "/openapi.json",
    "/v2",
    "/v2/models/flowers",
    "/nowhere",
    "/predict",
]


@pytest.fixture(scope="module")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secrets") / "keys"
    file.write_text(f"billing {DIGEST}\n")
    return file


@pytest.fixture(scope="module")
def guarded(start_service: Start, flowers: Path, keys_file: Path) -> Service:
    return start_service(
        flowers,
        API_KEYS_FILE=keys_file,
        RATE_LIMIT=100_000,
        CORS_ORIGINS=f"{ORIGIN}, http://localhost:3000",
        ACCESS_LOG_SAMPLE=1,
    )


def test_nothing_but_health_and_the_empty_page_is_answered_without_a_key(guarded: Service) -> None:
    for path in OPEN:
        assert guarded.client.get(path).status_code == 200
    for path in CLOSED:
        answer = guarded.client.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"'
        assert answer.headers["x-request-id"]
        assert "ratelimit" not in answer.headers
    assert guarded.client.post("/predict/batch", json={"instances": [FLOWER]}).status_code == 401


def test_a_refusal_is_a_problem_and_under_v2_the_protocols_error(guarded: Service) -> None:
    found = problem(guarded.client.post("/predict", json=FLOWER, headers={"x-api-key": OTHER}), 401)
    assert found["type"] == "urn:mlplatform:problem:unauthorized"
    assert found["detail"] == "the API key is not known"
    for path in ("/v2", "/v2/models/flowers/infer"):
        said = guarded.client.post(path, json={}).json()
        assert said == {
            "error": "An API key is needed: send an API key in the header X-API-Key, or as Authorization: Bearer"
        }


@pytest.mark.parametrize("headers", [BEARER, {"x-api-key": KEY}])
def test_a_key_opens_everything(guarded: Service, headers: dict[str, str]) -> None:
    for path in ("/metrics", "/model", "/docs", "/openapi.json", "/v2", "/v2/models/flowers"):
        assert guarded.client.get(path, headers=headers).status_code == 200
    assert guarded.client.post("/predict", json=FLOWER, headers=headers).status_code == 200


def test_tritons_client_sends_a_key_as_a_header(guarded: Service) -> None:
    columns = {name: np.ones(1) for name in FLOWER}
    with connect(guarded) as client:
        assert client.infer("flowers", inputs(columns), headers=dict(BEARER)).as_numpy("prediction") is not None
        with pytest.raises(InferenceServerException, match="An API key is needed"):
            client.infer("flowers", inputs(columns))


def test_the_callers_name_stands_in_the_log_and_the_key_does_not(guarded: Service) -> None:
    guarded.client.post("/predict", json=FLOWER, headers=BEARER | {"x-request-id": "logged"})
    (line,) = [line for line in guarded.log_lines() if line.get("request_id") == "logged"]
    assert line["caller"] == "billing"
    assert KEY not in guarded.log.read_text()


def test_a_key_that_is_added_is_known_within_seconds(start_service: Start, flowers: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"billing {DIGEST}\n")
    service = start_service(flowers, API_KEYS_FILE=file)

    def status(key: str) -> int:
        return service.client.get("/model", headers={"x-api-key": key}).status_code

    assert (status(KEY), status(OTHER)) == (200, 401)
    file.write_text(f"billing {DIGEST}\nnew {OTHER_DIGEST}\n")
    eventually(lambda: status(OTHER) == 200)
    file.write_text(f"new {OTHER_DIGEST}\n")
    eventually(lambda: status(KEY) == 401)


def test_metrics_on_a_port_of_their_own_need_no_key(start_service: Start, flowers: Path, keys_file: Path) -> None:
    port = free_port()
    service = start_service(flowers, API_KEYS_FILE=keys_file, METRICS_PORT=port)
    assert "api_requests_total" in httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert service.client.get("/metrics").status_code == 401


@pytest.fixture
def clock() -> Clock:
    return Clock()


def admit(guard: Guard, key: str, path: str = "/predict") -> dict[str, str]:
    """The headers that tell what is left."""
    exchange = Exchange("POST", path, path, "one", None, 0.0)
    guard.admit(exchange, {b"x-api-key": key.encode()})
    return {name.decode(): value.decode() for name, value in exchange.quota}


def test_each_key_may_send_so_many_requests_in_a_minute(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "keys").write_text(f"one {DIGEST}\ntwo {OTHER_DIGEST}\n")
    guard = Guard(Keys(tmp_path / "keys"), 2, clock=clock)
    assert admit(guard, KEY) == {"ratelimit-policy": '"minute";q=2;w=60', "ratelimit": '"minute";r=1;t=60'}
    clock.now = 20.5
    assert admit(guard, KEY)["ratelimit"] == '"minute";r=0;t=40'
    for _ in range(3):
        with pytest.raises(TooManyRequests) as caught:
            admit(guard, KEY)
        assert caught.value.headers == {"retry-after": "40"}
    assert admit(guard, OTHER)["ratelimit"] == '"minute";r=1;t=60'  # the other key's minute
    assert admit(guard, KEY, "/health") == {}
    clock.now = 60.0
    assert admit(guard, KEY)["ratelimit"] == '"minute";r=1;t=60'


def test_beyond_the_limit_429_tells_when_to_come_back(start_service: Start, flowers: Path, keys_file: Path) -> None:
    service = start_service(flowers, API_KEYS_FILE=keys_file, RATE_LIMIT=3)
    answers = [service.client.post("/predict", json=FLOWER, headers=BEARER) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    found = problem(answers[-1], 429)
    assert found["detail"].startswith("the API key may send 3 requests in a minute; send the next in ")
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    said = service.client.get("/v2", headers=BEARER)
    assert (said.status_code, [*said.json()]) == (429, ["error"])
    assert service.client.get("/health").status_code == 200


def preflight(service: Service, origin: str) -> httpx.Response:
    headers = {"origin": origin, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    return service.client.options("/predict", headers=headers)


def test_pages_of_listed_origins_may_ask(guarded: Service) -> None:
    asked = preflight(guarded, ORIGIN)
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == ORIGIN
    answer = guarded.client.post("/predict", json=FLOWER, headers=BEARER | {"origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in answer.headers
    assert "RateLimit" in answer.headers["access-control-expose-headers"]
    refused = guarded.client.post("/predict", json=FLOWER, headers={"origin": ORIGIN})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, ORIGIN)


@pytest.mark.parametrize("origin", ["https://evil.example.com", "http://app.example.com", f"{ORIGIN}.evil.com", "null"])
def test_pages_of_other_origins_may_not(guarded: Service, origin: str) -> None:
    assert preflight(guarded, origin).status_code == 400
    answer = guarded.client.post("/predict", json=FLOWER, headers=BEARER | {"origin": origin})
    assert "access-control-allow-origin" not in answer.headers


def test_by_default_no_other_page_may_ask(flower_service: Service) -> None:
    assert preflight(flower_service, ORIGIN).status_code == 405
    answer = flower_service.client.post("/predict", json=FLOWER, headers={"origin": ORIGIN})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_answer_tells_browsers_what_to_refrain_from(flower_service: Service) -> None:
    answers = [
        flower_service.client.get(path) for path in ("/health", "/model", "/metrics", "/v2", "/nowhere", "/docs")
    ]
    answers += [flower_service.client.post("/predict", json=body) for body in (FLOWER, {})]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        # A page says for itself that it may be kept, and is asked for again with its ETag.
        assert answer.headers["cache-control"] == ("no-cache" if answer.url.path == "/docs" else "no-store")
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert len(answer.headers.get_list("content-security-policy")) == 1


def test_the_documentation_can_be_switched_off(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, DOCS="false")
    for path in ("/docs", "/openapi.json", "/redoc"):
        problem(service.client.get(path), 404)
    assert service.client.post("/predict", json=FLOWER).status_code == 200


def test_the_documentation_says_what_needs_a_key(guarded: Service, flower_service: Service) -> None:
    described = guarded.client.get("/openapi.json", headers=BEARER).json()
    assert {*described["components"]["securitySchemes"]} == {"bearer", "key"}
    for path, methods in described["paths"].items():
        for operation in methods.values():
            assert ("security" in operation) == (path not in OPEN)
            assert ("401" in operation["responses"]) == (path not in OPEN)
    refs = described["paths"]["/v2"]["get"]["responses"]["401"]["content"]
    assert refs["application/json"]["schema"]["$ref"].endswith("/ProtocolError")
    assert "securitySchemes" not in flower_service.client.get("/openapi.json").json()["components"]
