"""The error tree of the service and the one place that maps any exception to an answer (RFC 9457).

Every answer that is not a success has the media type ``application/problem+json`` and the form of `Problem`. What went
wrong inside the service is logged with an error id; the caller learns the id and nothing else.
"""

from __future__ import annotations

import asyncio
import http
import logging
import secrets
from collections.abc import Mapping
from typing import ClassVar

import msgspec
from starlette.exceptions import HTTPException

PROBLEM_MEDIA_TYPE = "application/problem+json"
LISTED_ERRORS = 100

logger = logging.getLogger(__name__)


class FieldError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One bad value of a request: where (JSON pointer, RFC 6901), why and what to send instead.

    ``value`` is the JSON text of what was sent, shortened; it is absent where nothing was sent.
    """

    pointer: str
    reason: str
    remedy: str
    value: str | None = None


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of every failed request.

    ``instance`` is the request id; ``trace_id`` that of the caller's or the service's own trace, where there is one;
    ``error_id`` finds the traceback in the log.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str | None = None
    error_id: str | None = None
    errors: list[FieldError] = []


class ServiceError(Exception):
    """Base of the errors a caller can understand; the message is the problem's detail."""

    status = 500
    kind = "internal-error"
    title = "Internal error"
    headers: ClassVar[Mapping[str, str]] = {}


class MalformedBody(ServiceError):
    """The body is not JSON in UTF-8, or ended before it was complete."""

    status = 400
    kind = "malformed-body"
    title = "The body is not JSON"


class NoReport(ServiceError):
    """The artifact has no report to show."""

    status = 404
    kind = "no-report"
    title = "No report"


class BodyTooLarge(ServiceError):
    """The body exceeds the limit of bytes."""

    status = 413
    kind = "body-too-large"
    title = "The body is too large"


class UnsupportedMediaType(ServiceError):
    """The body is of another media type, charset or content coding than the endpoint reads."""

    status = 415
    kind = "unsupported-media-type"
    title = "Unsupported media type"
    headers: ClassVar = {"accept": "application/json"}


class InvalidInput(ServiceError):
    """The body is JSON, but not what the model takes; ``errors`` lists every bad field."""

    status = 422
    kind = "invalid-input"
    title = "The input does not fit the model"

    def __init__(self, errors: list[FieldError]) -> None:
        if len(errors) > LISTED_ERRORS:
            super().__init__(f"more than {LISTED_ERRORS} values cannot be used; the first {LISTED_ERRORS} are listed")
        else:
            super().__init__(f"{len(errors)} value{'s' if len(errors) > 1 else ''} cannot be used")
        self.errors = errors[:LISTED_ERRORS]


class NotReady(ServiceError):
    """The process is starting or draining."""

    status = 503
    kind = "not-ready"
    title = "Not ready"
    headers: ClassVar = {"retry-after": "1"}


class Overloaded(ServiceError):
    """As many predictions are under way as may be; the request was refused unread."""

    status = 503
    kind = "overloaded"
    title = "Too many requests at once"
    headers: ClassVar = {"retry-after": "1"}


def to_problem(error: BaseException, request_id: str, trace_id: str | None = None) -> tuple[Problem, Mapping[str, str]]:
    """The problem that answers ``error`` and the headers that belong to it; logs what is the service's own fault."""
    if isinstance(error, asyncio.CancelledError):
        error = NotReady("the server shut down before the answer was ready; send the request again")
    if isinstance(error, ServiceError):
        errors = error.errors if isinstance(error, InvalidInput) else []
        problem = Problem(
            type=f"urn:mlplatform:problem:{error.kind}",
            title=error.title,
            status=error.status,
            detail=str(error),
            instance=request_id,
            trace_id=trace_id,
            errors=errors,
        )
        return problem, error.headers
    if isinstance(error, HTTPException):
        return _framework_problem(error, request_id, trace_id), error.headers or {}
    error_id = secrets.token_hex(8)
    ids = {"error_id": error_id, "request_id": request_id, "trace_id": trace_id}
    logger.error("request failed", exc_info=error, extra=ids)
    problem = Problem(
        type=f"urn:mlplatform:problem:{ServiceError.kind}",
        title=ServiceError.title,
        status=ServiceError.status,
        detail="the service failed to answer; the cause is logged with this error id",
        instance=request_id,
        trace_id=trace_id,
        error_id=error_id,
    )
    return problem, {}


def _framework_problem(error: HTTPException, request_id: str, trace_id: str | None) -> Problem:
    """What routing refuses (unknown path, wrong method): the status says it all, so the type is ``about:blank``."""
    phrase = http.HTTPStatus(error.status_code).phrase
    allowed = (error.headers or {}).get("Allow")
    details = {404: "no such path; /docs lists the endpoints", 405: f"this path accepts {allowed}"}
    return Problem(
        type="about:blank",
        title=phrase,
        status=error.status_code,
        detail=details.get(error.status_code, str(error.detail)),
        instance=request_id,
        trace_id=trace_id,
    )
