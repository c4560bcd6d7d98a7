"""Triton's own gRPC client, unchanged, against real servers: the same answers and refusals as over HTTP."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from app.artifact import load
from app.keys import make
from tests.app.models import FLOWER
from tests.app.service import Service, Start, eventually, free_port
from tests.app.v2 import clients
from tests.app.v2.test_client import FLOWERS, LOANS

Columns = Mapping[str, NDArray[Any]]


class Served:
    """A server with both of its doors."""

    def __init__(self, start: Start, artifact: Path, **settings: object) -> None:
        self.port = free_port()
        self.service: Service = start(artifact, GRPC_PORT=self.port, **settings)

    def client(self) -> triton.InferenceServerClient:
        """Triton's client of the gRPC port."""
        return triton.InferenceServerClient(f"127.0.0.1:{self.port}")


@pytest.fixture(scope="module")
def flowers_served(start_service: Start, flowers: Path) -> Served:
    return Served(start_service, flowers, MAX_BATCH_ROWS=100, MAX_BODY_BYTES=20_000, RELEASE="flowers-1")


@pytest.fixture(scope="module")
def loans_served(start_service: Start, loans: Path) -> Served:
    return Served(start_service, loans)


def inputs(columns: Columns) -> list[triton.InferInput]:
    """A tensor per column."""
    found: list[triton.InferInput] = []
    for name, values in columns.items():
        tensor = triton.InferInput(name, [*values.shape], np_to_triton_dtype(values.dtype))
        tensor.set_data_from_numpy(values)
        found.append(tensor)
    return found


def answer(client: triton.InferenceServerClient, model: str, columns: Columns, **options: Any) -> triton.InferResult:
    """What the server answers."""
    found = client.infer(model, inputs(columns), **options)
    assert found is not None
    return found


@pytest.mark.parametrize(("served", "model", "columns"), [("flowers", "flowers", FLOWERS), ("loans", "loans", LOANS)])
def test_the_outputs_are_those_over_http(
    request: pytest.FixtureRequest, served: str, model: str, columns: Columns
) -> None:
    both: Served = request.getfixturevalue(f"{served}_served")
    with both.client() as client, clients.connect(both.service) as http:
        found = answer(client, model, columns, request_id="seven")
        expected = http.infer(model, clients.inputs(columns))
        assert found.get_response().id == "seven"
        for name in ("prediction", "probabilities"):
            values, same = found.as_numpy(name), clients.output(expected, name)
            assert values is not None
            assert values.dtype == same.dtype
            assert values.tolist() == same.tolist()
        only = answer(client, model, columns, outputs=[triton.InferRequestedOutput("probabilities")])
        assert [output.name for output in only.get_response().outputs] == ["probabilities"]


def test_the_server_and_its_model_are_described_as_over_http(loans_served: Served, loans: Path) -> None:
    version = load(loans).manifest.version
    with loans_served.client() as client, clients.connect(loans_served.service) as http:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("loans")
        assert client.is_model_ready("loans", version)
        assert client.get_server_metadata(as_json=True) == http.get_server_metadata()
        expected: Any = http.get_model_metadata("loans")
        found: Any = client.get_model_metadata("loans", version)
        for tensors in ("inputs", "outputs"):
            assert [(one.name, one.datatype, [*one.shape]) for one in getattr(found, tensors)] == [
                (one["name"], one["datatype"], one["shape"]) for one in expected[tensors]
            ]
        assert (found.name, [*found.versions], found.platform) == ("loans", [version], expected["platform"])


@pytest.mark.parametrize(
    ("model", "columns", "code", "says"),
    [
        ("iris", FLOWERS, "NOT_FOUND", "this service has the model flowers"),
        ("flowers", {"age": np.ones(1)}, "INVALID_ARGUMENT", "/age is unknown"),
        ("flowers", {name: np.ones(101) for name in FLOWER}, "INVALID_ARGUMENT", "send at most 100 rows"),
        ("flowers", {name: np.ones(1_000) for name in FLOWER}, "RESOURCE_EXHAUSTED", "20000 bytes"),
        ("flowers", {name: np.ones(10_000) for name in FLOWER}, "RESOURCE_EXHAUSTED", "larger"),
    ],
)
def test_the_client_reads_what_is_wrong(
    flowers_served: Served, model: str, columns: Columns, code: str, says: str
) -> None:
    with flowers_served.client() as client:
        with pytest.raises(InferenceServerException) as caught:
            client.infer(model, inputs(columns))
        assert caught.value.status() == f"StatusCode.{code}"
        assert says in caught.value.message()
        assert answer(client, "flowers", FLOWERS).as_numpy("prediction") is not None


def test_another_model_is_not_ready_and_not_described(flowers_served: Served) -> None:
    with flowers_served.client() as client:
        assert not client.is_model_ready("iris")
        assert not client.is_model_ready("flowers", "1")
        with pytest.raises(InferenceServerException, match="this service has the model flowers"):
            client.get_model_metadata("iris")


def test_calls_are_counted_like_requests(flowers_served: Served) -> None:
    counted = 'api_requests_total{endpoint="/v2/models/{name}/infer",method="POST",status="200"}'
    before = flowers_served.service.metrics()
    with flowers_served.client() as client:
        client.infer("flowers", inputs(FLOWERS))
    after = flowers_served.service.metrics()
    assert after[counted] == before[counted] + 1
    assert after["model_prediction_rows_total"] == before["model_prediction_rows_total"] + 3


def test_a_call_needs_a_key_where_requests_do(start_service: Start, flowers: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    key, digest = make()
    keys.write_text(f"team {digest}\n")
    served = Served(start_service, flowers, API_KEYS_FILE=keys)
    with served.client() as client:
        assert client.is_server_ready()
        with pytest.raises(InferenceServerException, match="API key") as caught:
            client.infer("flowers", inputs(FLOWERS))
        assert caught.value.status() == "StatusCode.UNAUTHENTICATED"
        headers = {"authorization": f"Bearer {key}"}
        assert answer(client, "flowers", FLOWERS, headers=headers).as_numpy("prediction") is not None


def test_a_draining_server_says_so_and_still_answers(start_service: Start, flowers: Path) -> None:
    served = Served(start_service, flowers, DRAIN_SECONDS=60)
    with served.client() as client:
        assert client.is_server_ready()
        served.service.process.send_signal(signal.SIGTERM)
        eventually(lambda: not client.is_server_ready())
        assert not client.is_model_ready("flowers")
        assert client.is_server_live()
        assert answer(client, "flowers", FLOWERS).as_numpy("prediction") is not None
    served.service.process.send_signal(signal.SIGTERM)
    assert served.service.process.wait(timeout=30) == 0


def test_workers_share_the_port(start_service: Start, flowers: Path) -> None:
    served = Served(start_service, flowers, WORKERS=2)
    eventually(lambda: len(served.service.workers()) == 2)
    for _ in range(20):
        with served.client() as client:
            assert answer(client, "flowers", FLOWERS).as_numpy("prediction") is not None
    assert served.service.metrics()["model_prediction_rows_total"] == 60
