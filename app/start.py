"""How every process of the service starts, and how it says in one line that it cannot.

The imports inside functions are on purpose: reading settings and checking hashes must not wait for ONNX Runtime and
FastAPI, so that a bad artifact ends the process within a second.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app import artifact

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from app.grpc.server import GrpcServer
    from app.model import Model
    from app.settings import Settings
    from app.tracing import Tracing

logger = logging.getLogger(__name__)


class StartError(Exception):
    """Something outside the program that keeps it from starting; the message says what to change."""


def guarded(program: Callable[[], int]) -> int:
    """The exit status of ``program``; where it cannot start, 1 and the reason as one line on standard error."""
    try:
        return program()
    except (StartError, artifact.ArtifactError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def load_model(settings: Settings) -> Model:
    """Verify the artifact at ``MODEL_PATH``, load its model and have it prove itself; raises ArtifactError."""
    verified = artifact.load(Path(settings.model_path))
    from app.model import Model

    return Model(verified, settings.inference_threads)


def load_tracing(settings: Settings, manifest: artifact.Manifest) -> Tracing | None:
    """What sends traces to ``OTLP_ENDPOINT``, None where that is unset; raises StartError where its packages lack."""
    if settings.otlp_endpoint is None:
        return None
    try:
        from app.tracing import Tracing
    except ModuleNotFoundError as error:
        raise StartError(
            f"OTLP_ENDPOINT={settings.otlp_endpoint!r}: traces need the package of {error.name!r}, which is not"
            " installed; `pip install 'mlplatform[trace]'` (images: requirements/trace.txt) or leave the variable unset"
        ) from error
    return Tracing(settings.otlp_endpoint, manifest, settings.release)


def load_grpc(settings: Settings, app: ASGIApp) -> GrpcServer | None:
    """What serves ``app`` on ``GRPC_PORT``, None where that is unset; raises StartError where its packages lack."""
    if settings.grpc_port is None:
        return None
    try:
        from app.grpc.server import GrpcServer
    except ModuleNotFoundError as error:
        raise StartError(
            f"GRPC_PORT={settings.grpc_port}: gRPC needs the package of {error.name!r}, which is not installed;"
            " `pip install 'mlplatform[grpc]'` (images: requirements/grpc.txt) or leave the variable unset"
        ) from error
    return GrpcServer(app, settings)


def announce(settings: Settings, base: str, manifest: artifact.Manifest) -> None:
    """Tell people (standard output) and collectors (the log) what now serves at the URL ``base``."""
    metrics = base if settings.metrics_port is None else f"{base.rpartition(':')[0]}:{settings.metrics_port}"
    lines = {"API": f"{base}/predict", "Console": f"{base}/", "Docs": f"{base}/docs", "Metrics": f"{metrics}/metrics"}
    facts = {"url": base, "model": manifest.name, "model_version": manifest.version, "release": settings.release}
    logger.info("serving", extra=facts)
    print(*(f"{name:8} {address}" for name, address in lines.items()), sep="\n", flush=True)


def first_line(error: Exception) -> str:
    """The first line of an error's message, shortened to stay one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
