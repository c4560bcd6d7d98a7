"""Rows as each server gets them, and labels as each gives them."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from bench import formats
from bench.formats import ARROW, BINARY, FRAME, LISTED, OWN, TENSORS, V1, Format
from tests.bench.models import small

ALL = [OWN, ARROW, BINARY, TENSORS, V1, FRAME, LISTED]


@pytest.mark.parametrize("form", ALL, ids=lambda form: f"{form.path('m', 2)} {form.name}")
def test_a_request_is_whole_and_tells_its_length(form: Format) -> None:
    requests = form.requests(small(), 3)
    assert len(requests) == 2
    for request in requests:
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /")
        assert f"content-length: {len(body)}".encode() in head.split(b"\r\n")


@pytest.mark.parametrize(
    ("form", "path"),
    [
        (OWN, "/predict/batch"),
        (TENSORS, "/v2/models/small/infer"),
        (V1, "/v1/models/small:predict"),
        (FRAME, "/invocations"),
    ],
)
def test_a_request_goes_to_the_models_path(form: Format, path: str) -> None:
    assert form.requests(small(), 4)[0].startswith(f"POST {path} HTTP/1.1\r\n".encode())


def test_one_row_is_an_object_and_more_are_instances() -> None:
    model = small()
    assert json.loads(OWN.encode(model, model.rows[:1])[0]) == {"a": 1.5, "b": 2.0}
    assert json.loads(OWN.encode(model, model.rows[:2])[0]) == {
        "instances": [{"a": 1.5, "b": 2.0}, {"a": 3.25, "b": 4.0}]
    }


def test_an_arrow_body_holds_the_rows_as_columns_of_their_names() -> None:
    model = small()
    table = pa.ipc.open_stream(ARROW.encode(model, model.rows)[0]).read_all()
    assert table.column_names == ["a", "b"]
    assert np.array_equal(np.column_stack([column.to_numpy() for column in table.columns]), model.rows)


def test_a_binary_tensor_follows_the_json_whose_length_a_header_tells() -> None:
    model = small()
    body, headers = BINARY.encode(model, model.rows)
    length = int(headers["inference-header-content-length"])
    described = json.loads(body[:length])["inputs"][0]
    assert described["parameters"]["binary_data_size"] == len(body) - length
    assert np.array_equal(np.frombuffer(body[length:], "<f8").reshape(described["shape"]), model.rows)


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        (OWN, b'{"predictions":["no","yes"]}'),
        (TENSORS, b'{"outputs":[{"data":[0,1]}]}'),
        (BINARY, b'{"outputs":[{"data":["no","yes"]}]}'),
        (V1, b'{"predictions":[0,1]}'),
        (LISTED, b"[0, 1]"),
    ],
)
def test_labels_are_compared_as_indices_whether_named_or_counted(form: Format, answer: bytes) -> None:
    assert formats.indices(form.labels(answer), small()) == [0, 1]


def test_classes_that_are_numbers_are_classes_first() -> None:
    assert formats.indices([7, 5], small(classes=[5, 7])) == [1, 0]
