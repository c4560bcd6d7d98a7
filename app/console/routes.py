"""The console's routes: its files, the model's report, and the headers that keep both to themselves.

The page asks the service's own endpoints from the browser; nothing is rendered here. Files are read when they are first
asked for, so that a process that no person looks at spends nothing on them.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI, Request, Response

from app.artifact import REPORT, read_file, sha256
from app.errors import NoReport
from app.model import Model

_PAGE = "index.html"
_FOLDER = "/console"
_STATIC = Path(__file__).with_name("static")
_HTML = "text/html; charset=utf-8"
_MEDIA_TYPES = {".html": _HTML, ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_ALONE = {"base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}
_PAGE_POLICY = {
    "default-src": "'none'",
    "connect-src": "'self'",
    "img-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
    **_ALONE,
}
# One file from a training: its styles and drawings stand in it, and whatever its data holds, no script of it runs.
_REPORT_POLICY = {
    "default-src": "'none'",
    "img-src": "data:",
    "style-src": "'unsafe-inline'",
    "sandbox": "",
    **_ALONE,
}


def add_console(api: FastAPI, model: Model) -> dict[str, str]:
    """Add ``/``, ``/console/…`` and ``/model/report`` to ``api``; the label that requests to each path are counted as.

    All files share one label: which of them was fetched matters to nobody, and each would cost a dozen series.
    """
    files = {f"{_FOLDER}/{file.name}": file for file in _STATIC.iterdir() if file.suffix in _MEDIA_TYPES}
    files["/"] = files.pop(f"{_FOLDER}/{_PAGE}")
    for path, file in files.items():
        add_file(api, path, file, _PAGE_POLICY)
    _add_report(api, model)
    return dict.fromkeys(files, _FOLDER) | {"/": "/"}


def add_file(api: FastAPI, path: str, file: Path, policy: Mapping[str, str]) -> None:
    """Answer ``path`` with ``file`` under a content security policy."""

    async def answer(request: Request) -> Response:
        content, digest = _content(file)
        headers = _headers(digest, policy)
        if _is_known(request, headers):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=_MEDIA_TYPES[file.suffix])

    api.add_route(path, answer, methods=["GET"], include_in_schema=False)


def _add_report(api: FastAPI, model: Model) -> None:
    """``/model/report``: the report that training wrote beside the model, verified like it each time it is read."""
    digest = model.manifest.files.get(REPORT)

    async def answer(request: Request) -> Response:
        if digest is None:
            raise NoReport(f"the artifact of this model holds no {REPORT}; /model tells its metrics")
        headers = _headers(digest, _REPORT_POLICY)
        if _is_known(request, headers):
            return Response(status_code=304, headers=headers)
        content = await asyncio.to_thread(read_file, model.directory, model.manifest, REPORT)
        return Response(content, headers=headers, media_type=_HTML)

    api.add_route("/model/report", answer, methods=["GET"], include_in_schema=False)


@functools.cache
def _content(file: Path) -> tuple[bytes, str]:
    """The content of ``file`` and its SHA-256: images date every file 1970, so time and size tell no two apart."""
    content = file.read_bytes()
    return content, sha256(content)


def _headers(digest: str, policy: Mapping[str, str]) -> dict[str, str]:
    """What goes with a file: asked for again at each visit, so that no page mixes the files of two releases."""
    return {
        "etag": f'"{digest[:32]}"',
        "cache-control": "no-cache",
        "content-security-policy": "; ".join(f"{name} {value}".rstrip() for name, value in policy.items()),
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


def _is_known(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether the browser has this very content (RFC 9110, If-None-Match: a weak comparison)."""
    known = request.headers.get("if-none-match", "")
    return headers["etag"] in [tag.strip().removeprefix("W/") for tag in known.split(",")]
