"""The OpenAPI document: FastAPI's, with the prediction endpoints and every schema generated from the manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.arrow.format import MEDIA_TYPE
from app.artifact import Manifest
from app.errors import PROBLEM_MEDIA_TYPE, Problem, is_protocol
from app.schema import class_name, row_schema

_ARROW = {MEDIA_TYPE.decode(): {"schema": {"type": "string", "format": "binary"}}}
_REF = "#/components/schemas/{name}"
PREDICTING = (400, 413, 415, 422, 500, 503)
"""The statuses of a request for predictions that fails."""
MEANINGS = {
    400: "The body cannot be read.",
    401: "The request carries no API key that is known.",
    404: "The service has no such model.",
    413: "The body exceeds the limit.",
    415: "The body is of a media type that the endpoint does not read.",
    422: "The features do not fit the model; every bad value is listed.",
    429: "The API key's limit is reached.",
    500: "The prediction failed; the cause is logged under the error id.",
    503: "The server is starting, shutting down or overloaded.",
}


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses for the problems with these statuses."""
    content = {PROBLEM_MEDIA_TYPE: {"schema": reference("Problem")}}
    return {status: {"description": MEANINGS[status], "content": content} for status in statuses}


def protocol_response(status: int) -> dict[str, Any]:
    """The OpenAPI response for the Open Inference Protocol's error with this status."""
    return json_response("ProtocolError", MEANINGS[status])


def json_response(name: str, description: str) -> dict[str, Any]:
    """An OpenAPI response: JSON of the component ``name``."""
    return {"description": description, "content": {"application/json": {"schema": reference(name)}}}


def document(
    api: FastAPI,
    manifest: Manifest,
    max_rows: int,
    records: Sequence[type[msgspec.Struct]],
    others: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    """The document of ``api`` for the model of ``manifest``.

    ``records`` are the types that other endpoints answer; ``others`` are further ``paths`` and ``schemas`` by name.
    """
    found = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
    _, schemas = msgspec.json.schema_components([Problem, *records], ref_template=_REF)
    schemas |= {
        "Features": row_schema(manifest),
        "Batch": _batch_schema(manifest, max_rows),
        "Prediction": _prediction_schema(manifest),
        "Predictions": _predictions_schema(manifest),
        **others["schemas"],
    }
    batch = _operation("predict_batch", "Predict many rows at once", "Batch", "Predictions")
    for body in (batch["post"]["requestBody"], batch["post"]["responses"]["200"]):
        body["content"] |= _ARROW
    paths = {
        "/predict": _operation("predict", "Predict one row of named features", "Features", "Prediction"),
        "/predict/batch": batch,
    }
    found["paths"] = paths | found["paths"] | others["paths"]
    found["components"] = {"schemas": schemas}
    return found


def protect(document: dict[str, Any], free: Collection[str]) -> None:
    """Say in ``document`` that every path but those that are ``free`` needs an API key."""
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, methods in document["paths"].items():
        if path in free:
            continue
        for operation in methods.values():
            operation["security"] = [{"bearer": []}, {"key": []}]
            for status in (401, 429):
                refusal = protocol_response(status) if is_protocol(path) else problem_responses(status)[status]
                operation["responses"][str(status)] = refusal


def _operation(name: str, summary: str, takes: str, gives: str) -> dict[str, Any]:
    """The path item of a prediction endpoint."""
    responses = {200: json_response(gives, summary + "."), **problem_responses(*PREDICTING)}
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "tags": ["prediction"],
            "requestBody": {"required": True, "content": {"application/json": {"schema": reference(takes)}}},
            "responses": {str(status): response for status, response in responses.items()},
        }
    }


def _batch_schema(manifest: Manifest, max_rows: int) -> dict[str, Any]:
    """A batch request."""
    instances = {"type": "array", "items": reference("Features"), "minItems": 1, "maxItems": max_rows}
    return object_schema({"instances": instances}) | {"examples": [{"instances": [manifest.example.instance]}]}


def _prediction_schema(manifest: Manifest) -> dict[str, Any]:
    """The answer to one row."""
    properties: dict[str, Any] = {"prediction": answer_schema(manifest)}
    if manifest.classes:
        share = {"type": "number", "minimum": 0, "maximum": 1}
        properties["probabilities"] = object_schema({class_name(value): share for value in manifest.classes})
    return object_schema(properties | {"model_version": {"type": "string"}})


def _predictions_schema(manifest: Manifest) -> dict[str, Any]:
    """The answer to a batch: predictions in the order of the rows, probabilities as one column per class."""
    properties: dict[str, Any] = {"predictions": {"type": "array", "items": answer_schema(manifest)}}
    if manifest.classes:
        column = {"type": "array", "items": {"type": "number", "minimum": 0, "maximum": 1}}
        properties["probabilities"] = object_schema({class_name(value): column for value in manifest.classes})
    return object_schema(properties | {"model_version": {"type": "string"}})


def answer_schema(manifest: Manifest) -> dict[str, Any]:
    """One prediction: a class of the model, or a number."""
    return {"enum": manifest.classes} if manifest.classes else {"type": "number"}


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema object with exactly these properties."""
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def reference(name: str) -> dict[str, str]:
    """A reference to the component ``name``."""
    return {"$ref": _REF.format(name=name)}
