"""The decoders under arbitrary and mutated bodies: never a 500, every refusal names its cause, and what is accepted is
answered as a plain reading of the same bytes is.

``FUZZ_EXAMPLES`` sets how many bodies each test tries.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tritonclient.utils import deserialize_bytes_tensor, triton_to_np_dtype

from app.artifact import load
from app.model import Model
from tests.app.inside import JSON, Answer, Application
from tests.app.v2.clients import decoded, output, request, texts

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "400"))
INFER = "/v2/models/loans/infer"
LENGTH = "inference-header-content-length"

ROW = {"age": 41.5, "region": "süd", "income": None, "owns_home": True, "employment": "employed", "guarantor": False}
OTHER = {"age": -3, "region": "east", "owns_home": False}
COLUMNS: dict[str, Any] = {
    "age": np.array([41.5, 2]),
    "region": texts("süd", "east"),
    "income": np.array([np.nan, 3], np.float32),
    "owns_home": np.array([True, False]),
    "guarantor": np.array([1, 0], np.int64),
}
ROW_BODY = json.dumps(ROW).encode()
BATCH_BODY = json.dumps({"instances": [ROW, OTHER]}, ensure_ascii=False).encode()
TENSORS_BODY, _ = request(COLUMNS, binary=False)
BINARY_BODY, BINARY_HEADERS = request(COLUMNS)

Plain = Callable[[bytes], list[dict[str, Any]]]
"""From a body to its rows, by the plainest means."""

# What breaks decoders, to be put anywhere into a body.
TOKENS = [
    *(b"null", b"true", b"NaN", b"-Infinity", b"1e308", b"1e400", b"-0", b"01", b"18446744073709551617", b"9" * 500),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b"[[[[[[[[",
        b'"',
        b",",
        b":",
        b"\\",
        b"\\ud800",
        b"\\u0000",
        b'"age":',
        b'"x":1,',
        b'"":',
    ),
    *(b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r\n", b" ", b"//", b'"region":"north\\/west",'),
    *(b'"binary_data_size":0', b'"shape":[0]', b'"FP16"', b"INT8", b"BYTES", b"\xff\xff\xff\xff", b"\x00\x00\xf8\x7f"),
]


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """``body`` after a few changes: bytes replaced, cut out, repeated or put in."""
    changed = bytearray(body)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(changed)))
        end = min(len(changed), start + draw(st.integers(0, 12)))
        match draw(st.sampled_from(["put", "cut", "repeat", "replace"])):
            case "put":
                changed[start:start] = draw(st.sampled_from(TOKENS))
            case "cut":
                del changed[start:end]
            case "repeat":
                changed[start:start] = changed[start:end]
            case _:
                changed[start:end] = draw(st.binary(max_size=12) | st.sampled_from(TOKENS))
    return bytes(changed)


@pytest.fixture(scope="module")
def application(loans: Path) -> Application:
    return Application(loans, max_batch_rows=10, max_body_bytes=10_000)


@pytest.fixture(scope="module")
def model(loans: Path) -> Model:
    return Model(load(loans))


def check(
    application: Application, model: Model, path: str, body: bytes, headers: dict[str, str], plain: Plain
) -> None:
    """Send ``body``; its answer must be as good as it can be."""
    answer = application.post(path, body, headers)
    if answer.status != 200:
        assert answer.status in (400, 413, 415, 422), (body, answer.content)
        assert_cause_is_named(path, answer)
        return
    rows = plain(body)
    labels, probabilities = model.run(feed(model, rows))
    expected = [[False, True][label] for label in labels.tolist()], probabilities
    found = answered(path, answer)
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])


def assert_cause_is_named(path: str, answer: Answer) -> None:
    """A refusal says what was wrong, field by field where it was a field."""
    content = answer.json()
    if path == INFER:
        assert len(content["error"]) > 20
        return
    assert content["status"] == answer.status
    assert content["detail"]
    if answer.status == 422:
        assert content["errors"]
        assert all(entry["reason"] and entry["remedy"] for entry in content["errors"])


def feed(model: Model, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The graph's inputs for rows of plain Python values."""
    numbers = [[number(row.get(feature.name)) for feature in model.manifest.numbers] for row in rows]
    words = [[row.get(feature.name) or "" for feature in model.manifest.texts] for row in rows]
    return {"numbers": np.array(numbers, np.float64), "texts": np.array(words, object)}


def number(value: Any) -> float:
    """A number as the graph gets it."""
    return math.nan if value is None else float(value)


def answered(path: str, answer: Answer) -> tuple[list[bool], Any]:
    """Predictions, and probabilities ``[rows, classes]``, of an answer in any form."""
    if path == INFER:
        tensors = decoded(answer.content, answer.headers)
        return output(tensors, "prediction").tolist(), output(tensors, "probabilities")
    content = answer.json()
    if path == "/predict":
        return [content["prediction"]], [[*content["probabilities"].values()]]
    return content["predictions"], np.column_stack([*content["probabilities"].values()])


def plain_row(body: bytes) -> list[dict[str, Any]]:
    """The row of a body."""
    return [json.loads(body.decode())]


def plain_batch(body: bytes) -> list[dict[str, Any]]:
    """The rows of a body."""
    return json.loads(body.decode())["instances"]


def plain_tensors(body: bytes, length: int | None = None) -> list[dict[str, Any]]:
    """The rows of an inference request, read with what Triton's client offers."""
    sent = json.loads(body[:length].decode())
    binary = b"" if length is None else body[length:]
    columns: dict[str, list[Any]] = {}
    for tensor in sent["inputs"]:
        if (size := tensor.get("parameters", {}).get("binary_data_size")) is not None:
            columns[tensor["name"]] = elements(tensor["datatype"], binary[:size])
            binary = binary[size:]
        else:
            columns[tensor["name"]] = typed(tensor["datatype"], flat(tensor["data"]))
    assert not binary
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def elements(datatype: str, data: bytes) -> list[Any]:
    """The elements in binary data."""
    if datatype == "BYTES":
        return [text.decode() for text in deserialize_bytes_tensor(data)]
    return np.frombuffer(data, triton_to_np_dtype(datatype)).tolist()


def typed(datatype: str, values: list[Any]) -> list[Any]:
    """JSON's numbers as the datatype holds them."""
    if datatype in ("FP16", "FP32"):
        kind = triton_to_np_dtype(datatype)
        return [None if value is None else float(np.array(value, kind)) for value in values]
    return values


def flat(data: Any) -> list[Any]:
    """The elements of nested lists."""
    return [element for part in data for element in flat(part)] if isinstance(data, list) else [data]


@settings(deadline=None, max_examples=EXAMPLES)
@given(body=st.binary(max_size=200) | st.text(max_size=100).map(str.encode) | mutated(ROW_BODY))
def test_a_row(application: Application, model: Model, body: bytes) -> None:
    check(application, model, "/predict", body, JSON, plain_row)


@settings(deadline=None, max_examples=EXAMPLES)
@given(body=st.binary(max_size=200) | mutated(BATCH_BODY))
def test_a_batch(application: Application, model: Model, body: bytes) -> None:
    check(application, model, "/predict/batch", body, JSON, plain_batch)


@settings(deadline=None, max_examples=EXAMPLES)
@given(body=st.binary(max_size=200) | mutated(TENSORS_BODY))
@example(b"\xef\xbb\xbf" + TENSORS_BODY)  # where NaN stands in it, another decoder reads it
def test_tensors_in_json(application: Application, model: Model, body: bytes) -> None:
    check(application, model, INFER, body, JSON, plain_tensors)


@settings(deadline=None, max_examples=EXAMPLES)
@given(body=mutated(BINARY_BODY), moved=st.just(0) | st.integers(-len(BINARY_BODY), 100), as_long=st.booleans())
def test_binary_tensors(application: Application, model: Model, body: bytes, moved: int, as_long: bool) -> None:
    length = int(BINARY_HEADERS[LENGTH]) + moved
    if as_long:  # changes before the data move it
        length += len(body) - len(BINARY_BODY)
    check(application, model, INFER, body, {LENGTH: str(length)}, lambda sent: plain_tensors(sent, length))


@settings(deadline=None, max_examples=EXAMPLES)
@given(
    headers=st.dictionaries(
        st.sampled_from(["content-type", "content-encoding", LENGTH, "content-length", "traceparent", "x-request-id"]),
        st.text(st.characters(max_codepoint=126, min_codepoint=32), max_size=60),
    )
)
def test_headers(application: Application, headers: Mapping[str, str]) -> None:
    for path in ("/predict", "/predict/batch", INFER):
        # The server's parser lets no other lengths through.
        sent = {name: value for name, value in headers.items() if name != "content-length" or value.isdigit()}
        assert application.post(path, b"{}", sent).status in (400, 413, 415, 422)
