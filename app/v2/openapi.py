"""The protocol's part of the OpenAPI document, which names the model's tensors."""

from __future__ import annotations

from typing import Any

from app.artifact import Feature, Manifest
from app.errors import PROTOCOL, ProtocolError
from app.openapi import PREDICTING, json_response, object_schema, protocol_response, reference
from app.v2 import metadata
from app.v2.outputs import Outputs
from app.v2.request import HEADER_LENGTH
from app.v2.tensors import DATATYPES

TAG = "open inference protocol"
MODEL = PROTOCOL + "/models/{name}"
VERSION = MODEL + "/versions/{version}"
RECORDS = [
    ProtocolError,
    metadata.ServerMetadata,
    metadata.ModelMetadata,
    metadata.Live,
    metadata.Ready,
    metadata.ModelReady,
]

_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses for errors with these statuses, in the protocol's form."""
    return {status: protocol_response(status) for status in statuses}


def path_parameters(path: str, manifest: Manifest) -> dict[str, Any]:
    """The OpenAPI parameters of a path template: the name and the version of the model that serves."""
    values = {"name": manifest.name, "version": manifest.version}
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": [value]}}
            for name, value in values.items()
            if f"{{{name}}}" in path
        ]
    }


def describe(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """The ``paths`` that predict, and the ``schemas`` of their bodies."""
    paths = {f"{place}/infer": {"post": _operation(f"{place}/infer", manifest)} for place in (MODEL, VERSION)}
    schemas = {"InferenceRequest": _request_schema(manifest), "InferenceResponse": _response_schema(manifest)}
    return {"paths": paths, "schemas": schemas}


def _operation(path: str, manifest: Manifest) -> dict[str, Any]:
    """The operation that predicts."""
    header = {"name": HEADER_LENGTH, "in": "header", "schema": {"type": "integer", "minimum": 1}}
    header["description"] = "The bytes of JSON at the beginning of the body, where binary data follow."
    succeeded = json_response("InferenceResponse", "The outputs; as binary data after the JSON where asked for.")
    succeeded["content"] |= _BINARY
    responses = {200: succeeded, **error_responses(404, *PREDICTING)}
    return {
        "operationId": "infer_version" if "{version}" in path else "infer",
        "summary": "Predict rows that are sent as one tensor per feature",
        "tags": [TAG],
        "parameters": [*path_parameters(path, manifest)["parameters"], header],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": reference("InferenceRequest")}, **_BINARY},
        },
        "responses": {str(status): response for status, response in responses.items()},
    }


def _request_schema(manifest: Manifest) -> dict[str, Any]:
    """An inference request. That data fit their shape, and shapes each other, is beyond JSON Schema."""
    shape = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "maxItems": 2}
    properties = {
        "name": {"type": "string"},
        "datatype": {"enum": [*DATATYPES]},
        "shape": shape,
        "parameters": {"type": "object", "properties": {"binary_data_size": {"type": "integer", "minimum": 0}}},
        "data": {"type": "array"},
    }
    tensor = {"type": "object", "properties": properties, "required": ["name", "datatype", "shape"]}
    wanted = {
        "name": {"enum": [*Outputs(manifest).datatypes]},
        "parameters": _object_of_flags("binary_data") | {"additionalProperties": False},
    }
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "parameters": _object_of_flags("binary_data_output"),
            "inputs": {"type": "array", "items": tensor, "minItems": 1},
            "outputs": {
                "type": "array",
                "items": {"type": "object", "properties": wanted, "required": ["name"]},
            },
        },
        "required": ["inputs"],
        "examples": [{"inputs": [_example(feature, manifest) for feature in manifest.features]}],
    }


def _response_schema(manifest: Manifest) -> dict[str, Any]:
    """The JSON of an inference's answer."""
    properties: dict[str, Any] = {
        "name": {"enum": [*Outputs(manifest).datatypes]},
        "datatype": {"enum": [*DATATYPES]},
        "shape": {"type": "array", "items": {"type": "integer"}},
        "parameters": object_schema({"binary_data_size": {"type": "integer"}}),
        "data": {"type": "array"},
    }
    tensor = object_schema(properties) | {"required": ["name", "datatype", "shape"]}
    members: dict[str, Any] = {name: {"type": "string"} for name in ("model_name", "model_version", "id")}
    whole = object_schema(members | {"outputs": {"type": "array", "items": tensor}})
    return whole | {"required": ["model_name", "model_version", "outputs"]}


def _example(feature: Feature, manifest: Manifest) -> dict[str, Any]:
    """The tensor of a feature that holds the manifest's example."""
    datatype = metadata.input_datatype(feature)
    value = manifest.example.instance.get(feature.name)
    return {"name": feature.name, "datatype": datatype, "shape": [1], "data": [value]}


def _object_of_flags(name: str) -> dict[str, Any]:
    """The schema of parameters of which one is true or false."""
    return {"type": "object", "properties": {name: {"type": "boolean"}}}
