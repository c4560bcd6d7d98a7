"""Triton's own client, unchanged, against real servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from app.artifact import load
from tests.app.models import FLOWER
from tests.app.service import Service
from tests.app.v2.clients import Columns, connect, inputs, output, texts

FLOWERS: dict[str, Any] = {name: np.array([value, value + 1, value * 3]) for name, value in FLOWER.items()}
LOANS: dict[str, Any] = {
    "age": np.array([41, 30], np.int64),
    "region": texts("süd", "east"),
    "income": np.array([52_000.5, np.nan]),
    "owns_home": np.array([True, False]),
    "employment": texts(None, "self-employed"),
}
ROWS: list[dict[str, Any]] = [
    {"age": 41, "region": "süd", "income": 52_000.5, "owns_home": True, "employment": None},
    {"age": 30, "region": "east", "income": None, "owns_home": False, "employment": "self-employed"},
]
BOTH = pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])


def rows(columns: Columns) -> list[dict[str, Any]]:
    """The same as rows of JSON."""
    lists = [column.tolist() for column in columns.values()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


def wanted(*names: str, binary: bool) -> list[triton.InferRequestedOutput]:
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


@BOTH
def test_classes_and_probabilities_are_those_of_predict_batch(flower_service: Service, binary: bool) -> None:
    batch = flower_service.client.post("/predict/batch", json={"instances": rows(FLOWERS)}).json()
    with connect(flower_service) as client:
        outputs = wanted("prediction", "probabilities", binary=binary)
        found = client.infer("flowers", inputs(FLOWERS, binary=binary), outputs=outputs)
    classes = output(found, "prediction").tolist()
    assert [name.decode() if binary else name for name in classes] == batch["predictions"]
    assert output(found, "probabilities").T.tolist() == [*batch["probabilities"].values()]


@BOTH
def test_texts_booleans_and_gaps_arrive(loan_service: Service, binary: bool) -> None:
    batch = loan_service.client.post("/predict/batch", json={"instances": ROWS}).json()
    with connect(loan_service) as client:
        found = client.infer("loans", inputs(LOANS, binary=binary))
    assert output(found, "prediction").dtype == np.bool_
    assert output(found, "prediction").tolist() == batch["predictions"]
    assert output(found, "probabilities").T.tolist() == [*batch["probabilities"].values()]


@BOTH
def test_a_regression_answers_numbers(price_service: Service, binary: bool) -> None:
    columns = {"rooms": np.array([[4], [1]], np.int32), "age": np.array([[10.5], [0]], np.float32)}
    with connect(price_service) as client:
        found = client.infer("prices", inputs(columns, binary=binary))
        assert output(found, "prediction").dtype == np.float64
        assert output(found, "prediction").tolist() == [17.25, 3.0]
        assert found.as_numpy("probabilities") is None


def test_the_server_and_its_model_are_described(loan_service: Service, loans: Path) -> None:
    version = load(loans).manifest.version
    with connect(loan_service) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("loans")
        assert client.is_model_ready("loans", version)
        assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
        model: Any = client.get_model_metadata("loans", version)
    assert (model["name"], model["versions"], model["platform"]) == ("loans", [version], "onnx_onnxv1")
    assert {tensor["name"]: tensor["datatype"] for tensor in model["inputs"]} == {
        "age": "FP64",
        "region": "BYTES",
        "income": "FP64",
        "owns_home": "BOOL",
        "employment": "BYTES",
        "guarantor": "BOOL",
    }
    assert model["inputs"][1]["parameters"] == {"nullable": False, "categories": ["east", "north/west", "süd"]}
    assert [(tensor["name"], tensor["datatype"], tensor["shape"]) for tensor in model["outputs"]] == [
        ("prediction", "BOOL", [-1]),
        ("probabilities", "FP64", [-1, 2]),
    ]
    assert model["outputs"][1]["parameters"]["classes"] == ["false", "true"]


def test_the_metadata_suffice_to_ask(flower_service: Service) -> None:
    with connect(flower_service) as client:
        model: Any = client.get_model_metadata("flowers")
        columns = {tensor["name"]: np.ones(2) for tensor in model["inputs"]}
        found = client.infer(model["name"], inputs(columns), model_version=model["versions"][0])
        assert [tensor["name"] for tensor in found.get_response()["outputs"]] == [
            tensor["name"] for tensor in model["outputs"]
        ]


def test_the_outputs_that_are_wanted_come_in_their_order_and_encoding(flower_service: Service) -> None:
    outputs = wanted("probabilities", binary=True) + wanted("prediction", binary=False)
    with connect(flower_service) as client:
        found = client.infer("flowers", inputs(FLOWERS), outputs=outputs, request_id="seven")
        only = client.infer("flowers", inputs(FLOWERS), outputs=wanted("prediction", binary=True))
    answer = found.get_response()
    assert answer["id"] == "seven"
    assert [tensor["name"] for tensor in answer["outputs"]] == ["probabilities", "prediction"]
    assert answer["outputs"][0]["parameters"] == {"binary_data_size": 3 * 3 * 8}
    assert answer["outputs"][1]["data"] == output(found, "prediction").tolist()
    assert only.as_numpy("probabilities") is None
    assert "id" not in only.get_response()


@BOTH
def test_rows_may_come_as_one_matrix_as_for_other_servers(flower_service: Service, binary: bool) -> None:
    matrix = np.stack([*FLOWERS.values()], axis=1)
    with connect(flower_service) as client:
        apart = output(client.infer("flowers", inputs(FLOWERS)), "probabilities")
        together = output(client.infer("flowers", inputs({"input-0": matrix}, binary=binary)), "probabilities")
        assert np.array_equal(apart, together)


def test_requests_side_by_side_get_their_own_answers(flower_service: Service) -> None:
    with triton.InferenceServerClient(flower_service.url.removeprefix("http://"), concurrency=4) as client:
        pending = [client.async_infer("flowers", inputs(FLOWERS), request_id=str(number)) for number in range(12)]
        assert [answer.get_result().get_response()["id"] for answer in pending] == [str(number) for number in range(12)]


@pytest.mark.parametrize(
    ("model", "version", "columns", "status", "says"),
    [
        ("iris", "", FLOWERS, "404", "this service has the model flowers"),
        ("flowers", "1", FLOWERS, "404", "this service has the model flowers"),
        ("flowers", "", {"age": np.ones(1)}, "422", "/age is unknown"),
        ("flowers", "", FLOWERS | {"petal width (cm)": np.array([1, 1e39, 1])}, "422", "/petal width (cm)/1 (1e+39)"),
        ("flowers", "", FLOWERS | {"petal width (cm)": np.ones(2)}, "422", "has the shape [2]"),
        ("flowers", "", {name: np.ones(101) for name in FLOWER}, "422", "send at most 100 rows"),
        ("flowers", "", {name: np.ones(10_000) for name in FLOWER}, "413", "20000 bytes"),
    ],
)
def test_the_client_reads_what_is_wrong(
    flower_service: Service, model: str, version: str, columns: Columns, status: str, says: str
) -> None:
    with connect(flower_service) as client:
        with pytest.raises(InferenceServerException) as caught:
            client.infer(model, inputs(columns), model_version=version)
        assert caught.value.status() == status
        assert says in caught.value.message()
        assert client.infer("flowers", inputs(FLOWERS)).as_numpy("prediction") is not None


def test_another_model_is_neither_ready_nor_described(flower_service: Service) -> None:
    with connect(flower_service) as client:
        assert not client.is_model_ready("iris")
        assert not client.is_model_ready("flowers", "1")
        with pytest.raises(InferenceServerException, match="this service has the model flowers"):
            client.get_model_metadata("iris")
