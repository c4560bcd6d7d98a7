"""Calls as requests over HTTP, and answers as messages: tensors travel as the protocol's binary data, untouched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
import numpy as np

from app.errors import PROTOCOL
from app.grpc.messages import CHOICE, message
from app.v2.request import HEADER_LENGTH
from app.v2.tensors import DATATYPES

_CONTENTS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_LENGTH = HEADER_LENGTH.lower().encode()
_SMALLEST_INPUT = len('{"name":"","datatype":"","shape":[],"parameters":{"binary_data_size":0}}')
_SMALLEST_OUTPUT = len('{"name":"","parameters":{"binary_data":true}}')

Headers = list[tuple[bytes, bytes]]


class CallError(Exception):
    """A call that no request can be made of; the message names the tensor and the remedy."""


class Call(NamedTuple):
    """The request over HTTP that a call comes to."""

    method: str
    path: str
    headers: Headers
    body: bytes


def model_path(name: str, version: str, end: str = "") -> str:
    """The path of a model; the version may be left out. A slash in a name leads to no other path."""
    place = f"/versions/{quote(version, safe='')}" if version else ""
    return f"{PROTOCOL}/models/{quote(name, safe='')}{place}{end}"


def infer(request: Any, max_body: int) -> Call:
    """The request for a ``ModelInferRequest``; raises CallError.

    One that cannot but be larger than ``max_body`` bytes is not made: only its length is told, which is refused unread.
    """
    path = model_path(request.model_name, request.model_version, "/infer")
    least = _SMALLEST_INPUT * len(request.inputs) + _SMALLEST_OUTPUT * len(request.outputs)
    if least > max_body:  # two bytes of a message may stand for each
        return Call("POST", path, _headers(least, least), b"")
    raw: Sequence[bytes] = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise CallError(f"{len(raw)} raw_input_contents for {len(request.inputs)} inputs; send one for each")
    binary = [raw[place] if raw else _typed(tensor) for place, tensor in enumerate(request.inputs)]
    content: dict[str, Any] = {
        "inputs": [
            {
                "name": tensor.name,
                "datatype": tensor.datatype,
                "shape": list(tensor.shape),
                "parameters": {**_parameters(tensor), "binary_data_size": len(data)},
            }
            for tensor, data in zip(request.inputs, binary, strict=True)
        ],
        "outputs": [
            {"name": wanted.name, "parameters": {**_parameters(wanted), "binary_data": True}}
            for wanted in request.outputs
        ],
        "parameters": {**_parameters(request), "binary_data_output": True},
    }
    if request.id:
        content["id"] = request.id
    head = msgspec.json.encode(content)
    body = head + b"".join(binary)
    return Call("POST", path, _headers(len(head), len(body)), body)


def inferred(headers: Headers, body: bytes) -> Any:
    """The ``ModelInferResponse`` for an answer."""
    length = int(dict(headers)[_LENGTH])
    content = msgspec.json.decode(body[:length])
    response = message("ModelInferResponse")(
        model_name=content["model_name"], model_version=content["model_version"], id=content.get("id", "")
    )
    start = length
    for tensor in content["outputs"]:
        end = start + tensor["parameters"]["binary_data_size"]
        response.outputs.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
        response.raw_output_contents.append(body[start:end])
        start = end
    return response


def _headers(head: int, size: int) -> Headers:
    """The headers of a request of ``size`` bytes, the first ``head`` of them JSON."""
    return [
        (b"content-type", b"application/octet-stream"),
        (b"content-length", b"%d" % size),
        (_LENGTH, b"%d" % head),
    ]


def _parameters(holder: Any) -> dict[str, Any]:
    """The parameters of a request or a tensor; one without a value is left out."""
    chosen = {name: value.WhichOneof(CHOICE) for name, value in holder.parameters.items()}
    return {name: getattr(holder.parameters[name], choice) for name, choice in chosen.items() if choice}


def _typed(tensor: Any) -> bytes:
    """The elements of a tensor that came typed, as binary data; raises CallError."""
    field = _CONTENTS.get(tensor.datatype)
    if field is None:
        return b""  # of a datatype that is refused, or that has only raw contents: the service says so
    for other, _ in tensor.contents.ListFields():
        if other.name != field:
            raise CallError(f"{tensor.name}: {other.name} in a tensor of {tensor.datatype}; send {field}")
    values = getattr(tensor.contents, field)
    if tensor.datatype == "BYTES":
        return b"".join(len(value).to_bytes(4, "little") + value for value in values)
    dtype = DATATYPES[tensor.datatype]
    whole = np.array(values, dtype=np.int64 if field in ("int_contents", "uint_contents") else dtype)
    if not np.array_equal(whole.astype(dtype), whole, equal_nan=dtype.kind == "f"):
        raise CallError(f"{tensor.name}: a value is beyond {tensor.datatype}; send it as a wider datatype")
    return whole.astype(dtype).tobytes()
