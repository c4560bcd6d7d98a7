"""The OpenAPI document keeps its word: schemathesis makes requests from it and holds the answers against it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from app.artifact import MAX_MAGNITUDE
from tests.app.arrow.streams import stream
from tests.app.models import FLOWER, LOAN
from tests.app.service import Service

SCHEMATHESIS = [
    *(str(Path(sys.executable).with_name("schemathesis")), "run", "--no-color", "--seed", "1"),
    *("--max-examples", "40", "--suppress-health-check", "all", "--request-timeout", "30"),
]
# All checks are made but this one: that a tensor's data fit its shape and its feature is beyond JSON Schema.
CONFIGURATION = """
[[operations]]
include-path-regex = "/infer$"
checks.positive_data_acceptance.enabled = false
warnings = false
"""
# Bytes made at random are no Arrow stream, so a valid one is given.
HOOKS = """
import schemathesis
from hypothesis import strategies

schemathesis.openapi.media_type("application/vnd.apache.arrow.stream", strategies.just({stream!r}))
"""
ROWS: dict[str, dict[str, Any]] = {"loan_service": LOAN, "price_service": {"rooms": 4.0, "age": 10.0}}


@pytest.mark.parametrize("model", ["loan_service", "price_service"])
def test_schemathesis_finds_no_answer_that_breaks_the_document(
    model: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    service: Service = request.getfixturevalue(model)
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    row = stream({name: [value] for name, value in ROWS[model].items()})
    (tmp_path / "hooks.py").write_text(HOOKS.format(stream=row))
    command = [*SCHEMATHESIS, f"{service.url}/openapi.json"]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "hooks"}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Tested: 15" in run.stdout
    assert "No issues found" in run.stdout


PRICES = {
    "inputs": [
        {"name": "rooms", "datatype": "FP64", "shape": [1], "data": [4]},
        {"name": "age", "datatype": "FP64", "shape": [1], "data": [1]},
    ]
}


def document(service: Service) -> dict[str, Any]:
    return service.client.get("/openapi.json").json()


def against(document: dict[str, Any], component: str) -> jsonschema.Draft202012Validator:
    """A validator for one of the document's schemas."""
    return jsonschema.Draft202012Validator(document | {"$ref": f"#/components/schemas/{component}"})


def test_the_features_of_the_model_make_the_request_schema(loan_service: Service) -> None:
    features = document(loan_service)["components"]["schemas"]["Features"]
    assert [*features["properties"]] == [*LOAN]
    assert features["required"] == ["age", "region", "owns_home"]
    assert features["properties"]["region"] == {"type": "string", "enum": ["east", "north/west", "süd"]}
    assert features["properties"]["guarantor"] == {"type": ["boolean", "null"]}
    assert features["properties"]["income"] == {
        "type": ["number", "null"],
        "minimum": -MAX_MAGNITUDE,
        "maximum": MAX_MAGNITUDE,
        "description": "between 0 and 10 in training",
    }


def test_the_documents_examples_are_predicted(loan_service: Service) -> None:
    schemas = document(loan_service)["components"]["schemas"]
    infer = ("/v2/models/loans/infer", "InferenceRequest")
    for path, component in (("/predict", "Features"), ("/predict/batch", "Batch"), infer):
        for example in schemas[component]["examples"]:
            assert loan_service.client.post(path, json=example).status_code == 200


def test_answers_have_the_documented_form(flower_service: Service, price_service: Service) -> None:
    asked: dict[str, tuple[Service, str, Any]] = {
        "Prediction": (flower_service, "/predict", FLOWER),
        "Predictions": (price_service, "/predict/batch", {"instances": [{"rooms": 1, "age": 2}] * 3}),
        "InferenceResponse": (price_service, "/v2/models/prices/infer", PRICES),
        "ServerMetadata": (flower_service, "/v2", None),
        "ModelMetadata": (flower_service, "/v2/models/flowers", None),
        "ProtocolError": (flower_service, "/v2/models/flowers/infer", {"inputs": []}),
        "Problem": (flower_service, "/predict", {"sepal length (cm)": "x"}),
    }
    for component, (service, path, body) in asked.items():
        answer = (service.client.get(path) if body is None else service.client.post(path, json=body)).json()
        against(document(service), component).validate(answer)


def test_every_answer_of_a_prediction_is_documented(flower_service: Service) -> None:
    for path in ("/predict", "/predict/batch"):
        responses = document(flower_service)["paths"][path]["post"]["responses"]
        assert {*responses} == {"200", "400", "413", "415", "422", "500", "503"}
        assert all(
            "application/problem+json" in responses[status]["content"] for status in responses if status != "200"
        )
    batch = document(flower_service)["paths"]["/predict/batch"]["post"]
    for body in (batch["requestBody"], batch["responses"]["200"]):
        assert {*body["content"]} == {"application/json", "application/vnd.apache.arrow.stream"}


def test_the_paths_of_the_inference_protocol_are_documented_with_its_errors(flower_service: Service) -> None:
    paths = document(flower_service)["paths"]
    for place in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        asked = paths[f"{place}/infer"]["post"]
        assert {*asked["responses"]} == {"200", "400", "404", "413", "415", "422", "500", "503"}
        assert {*asked["requestBody"]["content"]} == {"application/json", "application/octet-stream"}
        assert asked["parameters"][0]["schema"]["enum"] == ["flowers"]
        assert {*paths[f"{place}/ready"]["get"]["responses"]} == {"200", "404", "503"}
        for status in ("404", "422"):
            content = asked["responses"][status]["content"]
            assert content["application/json"]["schema"]["$ref"].endswith("/ProtocolError")


def test_the_limit_of_rows_is_documented(flower_service: Service) -> None:
    assert document(flower_service)["components"]["schemas"]["Batch"]["properties"]["instances"]["maxItems"] == 100
