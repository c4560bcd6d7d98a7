"""``/docs``: Swagger UI on the service's OpenAPI document, from files of this service alone, so that it works offline.

The files of Swagger UI come from the package fastapi-offline, which ships them; nothing of it is imported.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from fastapi import FastAPI

from app.console.routes import add_file

PATH = "/docs"
_STATIC = Path(__file__).with_name("static")
_POLICY = {
    "default-src": "'none'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # Swagger UI sets styles of its elements
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


def add_docs(api: FastAPI) -> dict[str, str]:
    """Add ``/docs`` to ``api``, unless that has no OpenAPI document to show; the label that requests are counted as."""
    if api.openapi_url is None:
        return {}
    swagger = _swagger_ui()
    files = {
        PATH: _STATIC / "docs.html",
        f"{PATH}/docs.js": _STATIC / "docs.js",
        **{f"{PATH}/{name}": swagger / name for name in ("swagger-ui.css", "swagger-ui-bundle.js")},
    }
    for path, file in files.items():
        add_file(api, path, file, _POLICY)
    return dict.fromkeys(files, PATH)


def _swagger_ui() -> Path:
    """The folder with Swagger UI's files."""
    found = importlib.util.find_spec("fastapi_offline")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("fastapi_offline")
    return Path(found.origin).with_name("static")
