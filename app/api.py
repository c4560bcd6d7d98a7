"""The application factory: everything one process serves, put together for one model.

FastAPI carries health, the manifest, metrics, the console and the documentation; `app.asgi` stands in front of it with
the predictions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp

from app import artifact
from app.arrow.format import MEDIA_TYPE
from app.asgi import Gateway
from app.console import add_console
from app.docs import add_docs
from app.endpoint import JSON, Endpoint
from app.errors import ServiceError, to_answer
from app.exchange import Exchange
from app.guard import OPEN, cors, load_guard
from app.metrics import Metrics
from app.model import Model
from app.openapi import document, json_response, problem_responses, protect
from app.phase import Phase
from app.predict import Predictor
from app.schema import RequestSchema
from app.settings import Settings
from app.shadow import Shadow
from app.start import load_tracing
from app.v2 import routes as v2
from app.v2.infer import Inference
from app.v2.openapi import RECORDS, describe


class Health(msgspec.Struct, frozen=True):
    """What serves: ``release`` is the deployed release's id, null where none was set.

    ``model_created`` is when the model was made (RFC 3339), null where the artifact does not say.
    """

    status: str
    release: str | None
    model: str
    model_version: str
    model_created: str | None


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str


def create_app(settings: Settings, model: Model, phase: Phase, metrics: Metrics) -> ASGIApp:
    """The ASGI application that serves ``model``; ``phase`` turns ready with its lifespan. Raises StartError."""
    manifest = model.manifest
    schema = RequestSchema(manifest, settings.max_batch_rows)
    predictor = Predictor(model, schema, metrics, settings.log_features)
    tracing = load_tracing(settings, manifest)
    shadow = Shadow(settings.shadow_url, metrics) if settings.shadow_url else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        metrics.loaded(model.load_seconds, model.created, model.engine)
        phase.ready = True
        yield
        phase.ready = False
        predictor.close()
        if shadow is not None:
            await asyncio.to_thread(shadow.close)
        if tracing is not None:
            await asyncio.to_thread(tracing.close)

    api = FastAPI(
        title=f"{manifest.name} predictions",
        version=manifest.version,
        description=f"Predicts {manifest.target} with a {manifest.estimator}.",
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url="/openapi.json" if settings.docs else None,
        docs_url=None,  # it would load Swagger UI from elsewhere: see `app.docs`
        redoc_url=None,
    )
    api.add_exception_handler(HTTPException, _answer_problem)
    api.add_exception_handler(ServiceError, _answer_problem)
    api.add_exception_handler(Exception, _answer_problem)
    created = None if model.created is None else datetime.fromtimestamp(model.created, UTC).isoformat()
    health = Health("ready", settings.release, manifest.name, manifest.version, created)
    _add_health(api, health, phase)
    _add_model(api, artifact.encode(manifest))
    if settings.metrics_port is None:
        _add_metrics(api, metrics)
    v2.add_routes(api, manifest, phase, settings.release)
    records = [Health, Alive, artifact.Manifest, *RECORDS]
    described = document(api, manifest, settings.max_batch_rows, records, describe(manifest))
    console = add_console(api, model)
    guard = load_guard(settings, console)
    if guard is not None:
        protect(described, OPEN)
    api.openapi = lambda: described
    endpoints = {
        "/predict": Endpoint("/predict", predictor.predict_row, at_once=model.inline_rows > 0),
        "/predict/batch": Endpoint("/predict/batch", predictor.predict_batch, (JSON, MEDIA_TYPE)),
        **v2.infer_endpoints(Inference(predictor, manifest, settings.max_batch_rows), manifest),
    }
    pages = console | add_docs(api)
    labels = {route.path: route.path.rstrip("/") for route in api.routes if isinstance(route, Route)}
    gateway = Gateway(
        api, labels | pages | v2.labels(manifest), endpoints, metrics, phase, settings, tracing, guard, shadow
    )
    return cors(gateway, settings.cors_origins) if settings.cors_origins else gateway


def _add_health(api: FastAPI, health: Health, phase: Phase) -> None:
    """``/health``: may traffic come; ``/health/live``: does the process answer."""
    ready = msgspec.json.encode(health)
    alive = msgspec.json.encode(Alive("alive"))

    @api.get(
        "/health",
        summary="Whether traffic may come, and what serves",
        tags=["service"],
        responses={200: json_response("Health", "Ready."), **problem_responses(503)},
        response_class=Response,
    )
    async def _() -> Response:
        phase.check_ready()
        return Response(ready, media_type="application/json")

    @api.get(
        "/health/live",
        summary="Whether the process answers",
        tags=["service"],
        responses={200: json_response("Alive", "Alive.")},
        response_class=Response,
    )
    async def _() -> Response:
        return Response(alive, media_type="application/json")


def _add_model(api: FastAPI, manifest: bytes) -> None:
    """``/model``: the manifest, byte for byte."""

    @api.get(
        "/model",
        summary="The model's manifest",
        tags=["model"],
        responses={200: json_response("Manifest", "The manifest.")},
        response_class=Response,
    )
    async def _() -> Response:
        return Response(manifest, media_type="application/json")


def _add_metrics(api: FastAPI, metrics: Metrics) -> None:
    """``/metrics``, with and without a trailing slash: a scraper need not follow a redirect."""

    async def expose(request: Request) -> Response:
        content, media_type = metrics.expose(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": media_type})

    api.get("/metrics", summary="Prometheus metrics", tags=["service"], response_class=PlainTextResponse)(expose)
    api.get("/metrics/", include_in_schema=False)(expose)


async def _answer_problem(request: Request, error: Exception) -> Response:
    """Any exception as a problem."""
    exchange: Exchange = request.state.exchange
    answer = to_answer(error, exchange)
    return Response(answer.content, answer.status, answer.headers, answer.media_type)
