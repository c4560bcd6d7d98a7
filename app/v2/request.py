"""Inference requests: a JSON object, after it the binary data of those tensors that have any."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Raw
from numpy.typing import NDArray

from app.diagnosis import parse, pointer
from app.endpoint import Headers
from app.errors import FieldError, InvalidInput, MalformedBody
from app.v2.tensors import DATATYPES, from_binary, from_json

HEADER_LENGTH = "Inference-Header-Content-Length"
_HEADER_LENGTH = HEADER_LENGTH.lower().encode()


class Input(msgspec.Struct):
    """A tensor as it was sent: its elements in ``data``, or ``binary_data_size`` bytes of them after the JSON."""

    name: str
    shape: Annotated[list[Annotated[int, Meta(ge=0)]], Meta(max_length=8)]
    datatype: str
    parameters: dict[str, Any] = {}
    data: Raw = Raw()


class Output(msgspec.Struct):
    """A tensor that is wanted."""

    name: str
    parameters: dict[str, Any] = {}


class Request(msgspec.Struct):
    """What is asked. Members and parameters that the service does not know are passed over."""

    inputs: list[Input]
    outputs: list[Output] = []
    id: str | None = None
    parameters: dict[str, Any] = {}


class Tensor(NamedTuple):
    """A tensor whose elements ``[n]`` are as many as its shape says."""

    name: str
    shape: list[int]
    values: NDArray[Any]


_decode = msgspec.json.Decoder(Request).decode


def read(body: bytes, headers: Headers) -> tuple[Request, list[Tensor]]:
    """The request in ``body`` and its tensors. Raises MalformedBody, or InvalidInput that names every bad element."""
    length = _header_length(headers, len(body))
    request = _read_json(body[:length])
    binary = memoryview(body)[length:]
    errors: list[FieldError] = []
    tensors: list[Tensor] = []
    start = 0
    for sent in request.inputs:
        size = sent.parameters.get("binary_data_size")
        end = start + size if isinstance(size, int) and size > 0 else start
        try:
            tensors.append(_tensor(sent, binary[start:end]))
        except InvalidInput as error:
            errors += error.errors
        start = end
    if start != len(binary):
        raise MalformedBody(f"{len(binary)} bytes follow the JSON, but the inputs' binary_data_size add up to {start}")
    if errors:
        raise InvalidInput(errors)
    return request, tensors


def _header_length(headers: Headers, size: int) -> int:
    """How many bytes of a body of ``size`` are JSON: all, unless a header tells it."""
    text = headers.get(_HEADER_LENGTH)
    if text is None:
        return size
    if not text.isdigit() or len(text) > 19 or not 0 < int(text) <= size:
        shown = text[:40].decode("latin-1")
        raise MalformedBody(f"{HEADER_LENGTH} is {shown!r}; send the number of bytes of JSON, 1 to {size}")
    return int(text)


def _read_json(header: bytes) -> Request:
    """The request's JSON."""
    try:
        return _decode_with_nan(header)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        parse(header)  # raises MalformedBody with the position where it is no JSON
        if not isinstance(error, msgspec.ValidationError):
            raise MalformedBody(str(error)) from error
        remedy = "compare it with /openapi.json"
        raise InvalidInput([FieldError("", reason=f"does not fit the protocol ({error})", remedy=remedy)]) from error


def _decode_with_nan(header: bytes) -> Request:
    """Decode JSON in which ``NaN``, as Triton's client writes it for a gap, stands for ``null``."""
    try:
        return _decode(header)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        if b"NaN" not in header and b"Infinity" not in header:
            raise
    # Infinity becomes a text, which is then refused by tensor, row and value.
    content = json.loads(header.decode(), parse_constant=lambda name: None if name == "NaN" else name)
    return _decode(json.dumps(content).encode())


def _tensor(sent: Input, binary: memoryview) -> Tensor:
    """The tensor that was sent, its elements in JSON or in ``binary``. Raises InvalidInput."""
    at = pointer("", sent.name)
    if sent.datatype not in DATATYPES:
        known = ", ".join(DATATYPES)
        raise InvalidInput(
            [FieldError(at, reason=f"is of datatype {sent.datatype[:20]}", remedy=f"send one of {known}")]
        )
    if "binary_data_size" in sent.parameters:
        if sent.parameters["binary_data_size"] != len(binary):
            remedy = f"send the number of bytes that follow the JSON, and the header {HEADER_LENGTH}"
            raise InvalidInput([FieldError(at, reason="has another binary_data_size than bytes", remedy=remedy)])
        values = from_binary(sent.name, sent.datatype, binary)
    elif not (data := bytes(sent.data)):
        raise InvalidInput([FieldError(at, reason="has no elements", remedy="send data, or binary_data_size")])
    else:
        values = from_json(sent.name, sent.datatype, data)
    if len(values) != math.prod(sent.shape):
        reason = f"has {len(values)} elements, but the shape {sent.shape[:4]}"
        raise InvalidInput([FieldError(at, reason=reason, remedy="send as many as the shape says")])
    return Tensor(sent.name, sent.shape, values)
