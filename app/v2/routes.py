"""The protocol's paths: those of the hot path, and what FastAPI answers of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response

from app.artifact import Manifest
from app.endpoint import JSON, UNNAMED, Endpoint
from app.errors import PROTOCOL, NoSuchModel
from app.openapi import json_response
from app.phase import Phase
from app.v2 import metadata
from app.v2.infer import OCTETS, Inference
from app.v2.openapi import MODEL, TAG, VERSION, error_responses, path_parameters

_Handler = Callable[[Request], Awaitable[Response]]


def infer_endpoints(inference: Inference, manifest: Manifest) -> dict[str, Endpoint]:
    """What predicts, by path. Triton's client names no media type."""
    endpoint = Endpoint(f"{MODEL}/infer", inference.answer, (JSON, OCTETS, UNNAMED))
    return {f"{_path(place, manifest)}/infer": endpoint for place in (MODEL, VERSION)}


def labels(manifest: Manifest) -> dict[str, str]:
    """What metrics call the paths that name the model, by path; those of other models have no name."""
    return {_path(place, manifest) + end: place + end for place in (MODEL, VERSION) for end in ("", "/ready")}


def add_routes(api: FastAPI, manifest: Manifest, phase: Phase, release: str | None) -> None:
    """Everything under ``/v2`` but inference."""

    def checked(content: bytes, *, ready: bool = False) -> _Handler:
        async def answer(request: Request) -> Response:
            _check_model(request.path_params, manifest)
            if ready:
                phase.check_ready()
            return Response(content, media_type="application/json")

        return answer

    def add(path: str, summary: str, record: msgspec.Struct, *errors: int) -> None:
        handler = checked(msgspec.json.encode(record), ready=503 in errors)
        described = json_response(type(record).__name__, f"{summary}.")
        responses: dict[int | str, dict[str, Any]] = {200: described, **error_responses(*errors)}
        parameters = path_parameters(path, manifest)
        api.get(
            path, summary=summary, tags=[TAG], responses=responses, openapi_extra=parameters, response_class=Response
        )(handler)

    server = metadata.of_server(manifest, release)
    add(PROTOCOL, "The server and its extensions", server)
    api.get(f"{PROTOCOL}/", include_in_schema=False)(checked(msgspec.json.encode(server)))
    add(f"{PROTOCOL}/health/live", "Whether the process answers", metadata.Live(live=True))
    add(f"{PROTOCOL}/health/ready", "Whether requests may come", metadata.Ready(ready=True), 503)
    for place in (MODEL, VERSION):
        add(place, "The model and its tensors", metadata.of_model(manifest), 404)
        add(
            f"{place}/ready",
            "Whether requests to the model may come",
            metadata.ModelReady(manifest.name, ready=True),
            404,
            503,
        )
        api.post(f"{place}/infer", include_in_schema=False)(checked(b""))  # those of the model are answered before


def _path(template: str, manifest: Manifest) -> str:
    """The path of the model that serves."""
    return template.format(name=manifest.name, version=manifest.version)


def _check_model(asked: dict[str, str], manifest: Manifest) -> None:
    """Raise NoSuchModel unless the path's parameters, where it has any, are the model's that serves."""
    name, version = asked.get("name", manifest.name), asked.get("version", manifest.version)
    if (name, version) != (manifest.name, manifest.version):
        raise NoSuchModel(f"this service has the model {manifest.name}, version {manifest.version}, and no other")
