"""Inference requests as Triton's client writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tritonclient.http as triton
from numpy.typing import NDArray
from tritonclient.utils import np_to_triton_dtype

from tests.app.service import Service

Columns = Mapping[str, NDArray[Any]]


def connect(service: Service) -> triton.InferenceServerClient:
    """The client of a server."""
    return triton.InferenceServerClient(service.url.removeprefix("http://"))


def inputs(columns: Columns, *, binary: bool = True) -> list[triton.InferInput]:
    """A tensor per column."""
    found: list[triton.InferInput] = []
    for name, values in columns.items():
        tensor = triton.InferInput(name, [*values.shape], np_to_triton_dtype(values.dtype))
        found.append(tensor.set_data_from_numpy(values, binary_data=binary))
    return found


def request(columns: Columns, *, binary: bool = True, outputs: list[str] | None = None) -> tuple[bytes, dict[str, str]]:
    """A request's body and headers."""
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in outputs or []]
    tensors = inputs(columns, binary=binary)
    body, length = triton.InferenceServerClient.generate_request_body(tensors, outputs=wanted or None)
    return body, {} if length is None else {"inference-header-content-length": str(length)}


def decoded(content: bytes, headers: Mapping[str, str]) -> triton.InferResult:
    """An answer as the client reads it."""
    length = headers.get("inference-header-content-length")
    return triton.InferenceServerClient.parse_response_body(
        content, header_length=None if length is None else int(length)
    )


def texts(*values: str | None) -> NDArray[Any]:
    """A column of texts; gaps are empty."""
    return np.array([value or "" for value in values], dtype=object)


def output(answer: triton.InferResult, name: str) -> NDArray[Any]:
    """An output that must be there."""
    found = answer.as_numpy(name)
    assert found is not None
    return found
