"""The error tree of the service and the one place that maps any exception to an answer (RFC 9457).

Every answer that is not a success has the media type ``application/problem+json`` and the form of `Problem`; below
``/v2`` the same is said in the one text that the Open Inference Protocol's clients read. What went wrong inside the
service is logged with an error id; the caller learns the id and nothing else.
"""

from __future__ import annotations

import asyncio
import http
import logging
import secrets
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from app.exchange import Exchange

PROBLEM_MEDIA_TYPE = "application/problem+json"
PROTOCOL = "/v2"  # below this path errors have the Open Inference Protocol's form
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
    headers: Mapping[str, str] = MappingProxyType({})


class MalformedBody(ServiceError):
    """The body is not what its media type says, or ended before it was complete."""

    status = 400
    kind = "malformed-body"
    title = "The body cannot be read"


class Unauthorized(ServiceError):
    """The request carries no API key, or none that is known."""

    status = 401
    kind = "unauthorized"
    title = "An API key is needed"
    headers = MappingProxyType({"www-authenticate": 'Bearer realm="api"'})


class TooManyRequests(ServiceError):
    """The API key has sent as many requests as it may; more are welcome in ``seconds``."""

    status = 429
    kind = "too-many-requests"
    title = "The API key's limit is reached"

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(f"{message}; send the next in {seconds} s")
        self.headers = {"retry-after": str(seconds)}


class MalformedRequest(ServiceError):
    """What came is not HTTP, or not as it is spoken here."""

    status = 400
    kind = "malformed-request"
    title = "The request cannot be read"


class NoSuchModel(ServiceError):
    """The path names a model, or a version of it, that this service does not have."""

    status = 404
    kind = "no-such-model"
    title = "No such model"


class NoReport(ServiceError):
    """The artifact has no report to show."""

    status = 404
    kind = "no-report"
    title = "No report"


class RequestTooSlow(ServiceError):
    """The request did not arrive whole in the time it may take."""

    status = 408
    kind = "request-too-slow"
    title = "The request took too long to arrive"
    headers = MappingProxyType({"connection": "close"})


class HeadTooLarge(ServiceError):
    """The request's target and headers exceed their limits."""

    status = 431
    kind = "head-too-large"
    title = "The headers are too large"


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

    def __init__(self, message: str, readable: Sequence[str]) -> None:
        super().__init__(f"{message}; this endpoint reads {' and '.join(readable)}, in UTF-8")
        self.headers = {"accept": ", ".join(readable)}


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
    headers = MappingProxyType({"retry-after": "1"})


class Overloaded(ServiceError):
    """As many predictions are under way as may be; the request was refused unread."""

    status = 503
    kind = "overloaded"
    title = "Too many requests at once"
    headers = MappingProxyType({"retry-after": "1"})


class TooManyConnections(ServiceError):
    """As many connections are open as may be."""

    status = 503
    kind = "too-many-connections"
    title = "Too many connections"
    headers = MappingProxyType({"retry-after": "1"})


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The answer to a failed request."""

    status: int
    media_type: str
    content: bytes
    headers: Mapping[str, str]


class ProtocolError(msgspec.Struct, frozen=True):
    """The body of every failed request below ``/v2``: in one text what a `Problem` says in its members."""

    error: str


def to_answer(error: BaseException, exchange: Exchange) -> ErrorAnswer:
    """What answers ``error`` in the form that belongs to the exchange's path; logs what is the service's own fault."""
    problem, headers = to_problem(error, exchange.request_id, exchange.trace_id)
    if is_protocol(exchange.path):
        content = msgspec.json.encode(ProtocolError(_as_text(problem)))
        return ErrorAnswer(problem.status, "application/json", content, headers)
    return ErrorAnswer(problem.status, PROBLEM_MEDIA_TYPE, msgspec.json.encode(problem), headers)


def is_protocol(path: str) -> bool:
    """Whether errors at ``path`` have the form of the Open Inference Protocol."""
    return path == PROTOCOL or path.startswith(f"{PROTOCOL}/")


def _as_text(problem: Problem) -> str:
    """What a problem says, in one line."""
    said = [f"{problem.title}: {problem.detail}"]
    for entry in problem.errors:
        value = "" if entry.value is None else f" ({entry.value})"
        said.append(f"{entry.pointer or 'the request'}{value} {entry.reason}: {entry.remedy}")
    if problem.error_id:
        said.append(f"error id {problem.error_id}")
    return "; ".join(said)


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
