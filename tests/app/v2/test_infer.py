"""Inference requests as people write them, and everything that can be wrong with one."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.app import models
from tests.app.inside import Answer, Application
from tests.app.v2.clients import request, texts

PATH = "/v2/models/prices/infer"
LOANS = "/v2/models/loans/infer"
LENGTH = "inference-header-content-length"


@pytest.fixture(scope="module")
def prices(prices: Path) -> Application:
    return Application(prices, max_batch_rows=10)


@pytest.fixture(scope="module")
def loans(loans: Path) -> Application:
    return Application(loans, max_batch_rows=10)


@pytest.fixture(scope="module")
def fragile(fragile: Path) -> Application:
    return Application(fragile)


def tensor(
    name: str, data: Any, datatype: str = "FP64", shape: list[int] | None = None, **others: Any
) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)] if shape is None else shape, "data": data} | others


def ask(application: Application, *tensors: dict[str, Any], path: str = PATH, **others: Any) -> Answer:
    return application.post(path, {"inputs": [*tensors]} | others)


def loan(**changes: dict[str, Any]) -> list[dict[str, Any]]:
    """One row of loans; the tensors of ``changes`` replace its own or come in addition."""
    row = {
        "age": tensor("age", [41]),
        "region": tensor("region", ["east"], "BYTES"),
        "owns_home": tensor("owns_home", [True], "BOOL"),
    }
    return [*(row | changes).values()]


def refused(answer: Answer, status: int) -> str:
    """What the protocol's error says, which has no other members."""
    assert answer.status == status, answer.content
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    ((member, said),) = answer.json().items()
    assert member == "error"
    return said


def test_a_request_written_by_hand_is_answered_in_json(prices: Application) -> None:
    answer = ask(prices, tensor("age", [10, 0.5], "FP32"), tensor("rooms", [4, 1], "INT64"), id="a")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "model_name": "prices",
        "model_version": prices.manifest.version,
        "id": "a",
        "outputs": [{"name": "prediction", "datatype": "FP64", "shape": [2], "data": [17.0, 3.25]}],
    }


@pytest.mark.parametrize("version", ["", "/versions/{version}"])
@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "application/octet-stream"}, {"content-type": "application/json"}]
)
def test_the_version_and_the_content_type_may_be_named(
    prices: Application, version: str, headers: dict[str, str]
) -> None:
    path = f"/v2/models/prices{version.format(version=prices.manifest.version)}/infer"
    body = {"inputs": [tensor("age", [1]), tensor("rooms", [1])]}
    assert prices.post(path, body, headers).status == 200


def test_what_the_protocol_leaves_open_is_passed_over(prices: Application) -> None:
    parameters = {"content_type": "np", "binary_data_size_hint": 3}
    tensors = tensor("age", [1], parameters=parameters), tensor("rooms", [1])
    answer = ask(
        prices, *tensors, model_name="x", parameters={"priority": 1, "timeout": 10, "binary_data_output": False}
    )
    assert answer.status == 200


@pytest.mark.parametrize("data", [[1, 2, 3, 4], [[1, 2], [3, 4]]])
def test_data_may_be_flat_or_nested(prices: Application, data: list[Any]) -> None:
    answer = ask(prices, tensor("X", data, shape=[2, 2]))
    assert answer.json()["outputs"][0]["data"] == [4.0, 11.0]


def test_a_gap_is_null_in_json_whatever_the_datatype(loans: Application) -> None:
    gaps = {
        "income": tensor("income", [None], "INT32"),
        "employment": tensor("employment", [None], "BYTES"),
        "guarantor": tensor("guarantor", [None], "BOOL"),
    }
    without = ask(loans, *loan(), path=LOANS)
    assert without.status == 200
    assert ask(loans, *loan(**gaps), path=LOANS).content == without.content
    known = ask(loans, *loan(guarantor=tensor("guarantor", [True], "BOOL")), path=LOANS)
    assert known.content != without.content


def test_a_gap_is_nan_in_floats_and_empty_in_texts(loans: Application) -> None:
    row: dict[str, Any] = {"age": np.array([41.0]), "region": texts("east"), "owns_home": np.array([True])}
    gaps: dict[str, Any] = {"income": np.array([np.nan]), "employment": texts(""), "guarantor": np.array([np.nan])}
    without = loans.post(LOANS, *request(row))
    assert without.status == 200
    assert loans.post(LOANS, *request(row | gaps)).content == without.content
    assert loans.post(LOANS, *request(row | gaps, binary=False)).content == without.content


def test_fp32_is_the_float32_that_it_says(prices: Application) -> None:
    (found,) = ask(prices, tensor("rooms", [0.1], "FP32"), tensor("age", [0])).json()["outputs"]
    assert found["data"] == [3.0 * float(np.float32(0.1))]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (tensor("age", ["41"]), '/age/0 ("41") is a string, not a number: send FP64'),
        (tensor("age", [True]), "/age/0 (true) is a boolean, not a number: send FP64"),
        (tensor("age", [1.5], "INT64"), "/age/0 (1.5) is not an integer: send INT64"),
        (tensor("age", [300], "INT8"), "/age/0 (300) is out of INT8's range: send INT8"),
        (tensor("age", [-1], "UINT64"), "/age/0 (-1) is out of UINT64's range: send UINT64"),
        (tensor("age", [2**64], "INT64"), "/age/0 (18446744073709551616) is out of INT64's range"),
        (tensor("age", [None], "UINT8"), "/age/0 (NaN) is not a number (NaN): send a number within"),
        (tensor("age", [1e39], "FP32"), "/age/0 (Infinity) is out of range: send a number within ±3.403e+38"),
        (tensor("age", [float("inf")]), '/age/0 ("Infinity") is a string, not a number: send FP64'),
        (tensor("age", [[[1]]]), "/age/0 ([…]) is an array, not a number"),
        (tensor("age", {"0": 1}), "/age/data is an object, not an array: send the elements in an array"),
        (tensor("age", [1], "BF16"), "/age is of datatype BF16: send one of BOOL, INT8"),
        (tensor("age", [1], shape=[]), "/age has the shape []: send one tensor [n] or [n, 1] per feature"),
        (tensor("age", [1], shape=[1, 1, 1]), "/age has the shape [1, 1, 1]"),
        (tensor("age", [1], shape=[2**62] * 9), "Expected `array` of length <= 8"),
        (tensor("age", [1], shape=[2]), "/age has 1 elements, but the shape [2]: send as many as the shape says"),
        (tensor("age", [], shape=[10**30, 0]), "/age has the shape"),
        (tensor("age", [1, 2]), "/region has the shape [1]"),
        (tensor("age", [True], "BOOL"), "/age holds booleans: send a number within ±3.403e+38"),
        (tensor("age", ["a"], "BYTES"), "/age holds texts: send a number"),
        ({"name": "age", "datatype": "FP64", "shape": [1]}, "/age has no elements: send data, or binary_data_size"),
        ({"name": "age", "shape": [1], "data": [1]}, "missing required field `datatype`"),
        (tensor("age", [1], shape=[-1]), "Expected `int` >= 0"),
        (tensor("region", [1], "BYTES"), "/region/0 (1) is a number, not a string: send BYTES"),
        (tensor("region", ["x"], "BYTES"), '/region/0 ("x") is a category never seen in training: send one of "east"'),
        (tensor("region", [1], "INT64"), '/region holds numbers: send one of "east"'),
        (tensor("region", [""], "BYTES"), '/region/0 ("") is a category never seen in training'),
        (tensor("owns_home", [1], "BOOL"), "/owns_home/0 (1) is a number, not a boolean: send BOOL"),
        (tensor("owns_home", [2], "INT8"), "/owns_home/0 (2) is a number, not a boolean: send true or false"),
        (tensor("colour", ["red"], "BYTES"), "/colour is unknown: leave it out"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_tensor_row_value_and_remedy(
    loans: Application, changed: dict[str, Any], says: str
) -> None:
    assert says in refused(ask(loans, *loan(**{changed["name"]: changed}), path=LOANS), 422)


def test_every_bad_element_is_named(loans: Application) -> None:
    tensors = {
        "age": tensor("age", [1e39, 1, None]),
        "region": tensor("region", ["east", "west", "süd"], "BYTES"),
        "owns_home": tensor("owns_home", [1, 0, 7], "UINT8"),
    }
    said = refused(ask(loans, *loan(**tensors), path=LOANS), 422)
    assert said.startswith("The input does not fit the model: 4 values cannot be used; /age/0")
    assert all(f"{pointer} (" in said for pointer in ("/age/0", "/age/2", "/region/1", "/owns_home/2"))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"inputs": []}, "the request has no rows: send at least one row; /rooms is missing"),
        ({"inputs": [tensor("rooms", []), tensor("age", [])]}, "has no rows"),
        ({"inputs": [tensor("rooms", [1] * 11), tensor("age", [1] * 11)]}, "has 11 rows: send at most 10 rows at once"),
        ({"inputs": [tensor("rooms", [1])]}, "/age is missing"),
        ({"inputs": [tensor("rooms", [1]), tensor("age", [1]), tensor("age", [1])]}, "/age comes twice: send it once"),
        ({"inputs": [tensor("X", [1] * 3, shape=[1, 3])]}, "or a single tensor [n, 2]"),
        ({"inputs": {}}, "Expected `array`, got `object`"),
        ({}, "missing required field `inputs`"),
        ([], "Expected `object`, got `array`"),
        ({"inputs": [], "outputs": [{"name": "x"}]}, '/outputs/0/name ("x") is no output of this model: ask for pred'),
        ({"inputs": [], "outputs": [{"name": "probabilities"}]}, "is no output of this model"),
        (
            {"inputs": [], "outputs": [{"name": "prediction", "parameters": {"classification": 2}}]},
            "/outputs/0/parameters/classification is unknown",
        ),
        (
            {"inputs": [], "outputs": [{"name": "prediction", "parameters": {"binary_data": 1}}]},
            "/outputs/0/parameters/binary_data (1) is not a boolean: send true or false",
        ),
        ({"inputs": [], "parameters": {"binary_data_output": "no"}}, "/parameters/binary_data_output"),
    ],
)  # fmt: skip
def test_requests_that_do_not_fit_are_told_why(prices: Application, body: Any, says: str) -> None:
    assert says in refused(prices.post(PATH, body), 422)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"inputs": [Nan]}', b"\xff", b"[" * 15_000, b'{"inputs": [NaN, ]}', b'"\\ud800NaN']
)
def test_a_body_that_is_not_json_is_told_where(prices: Application, body: bytes) -> None:
    assert refused(prices.post(PATH, body), 400).startswith("The body cannot be read: ")


def test_a_text_that_is_not_utf_8_is_told_by_its_tensor(prices: Application) -> None:
    body = json.dumps({"inputs": [tensor("rooms", ["?"], "BYTES")]}).encode().replace(b"?", b"\xff")
    assert "in the data of /rooms: byte 2 is not UTF-8" in refused(prices.post(PATH, body), 400)


def binary(
    length: str | None = None, size: Any = 8, more: bytes = b"", data: bytes = struct.pack("<d", 4)
) -> tuple[bytes, dict[str, str]]:
    """A request of which one tensor is binary, as it should be unless told otherwise."""
    sent = {"name": "rooms", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": size}}
    header = json.dumps({"inputs": [sent, tensor("age", [10])]}).encode()
    return header + data + more, {LENGTH: str(len(header)) if length is None else length}


def test_binary_and_json_tensors_stand_in_one_request(prices: Application) -> None:
    assert prices.post(PATH, *binary()).json()["outputs"][0]["data"] == [17.0]


@pytest.mark.parametrize("length", ["0", "-1", "x", "", "9" * 30, "1" * 6, "3.0"])
def test_a_wrong_header_length_is_malformed(prices: Application, length: str) -> None:
    assert "send the number of bytes of JSON" in refused(prices.post(PATH, *binary(length)), 400)


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        (binary(more=b"x"), 400, "9 bytes follow the JSON, but the inputs' binary_data_size add up to 8"),
        (binary(size=9), 400, "8 bytes follow the JSON, but the inputs' binary_data_size add up to 9"),
        (binary(size=2**70), 400, "8 bytes follow the JSON"),
        (binary(size=-8), 400, "8 bytes follow the JSON"),
        (binary(size="8"), 400, "8 bytes follow the JSON"),
        (binary(size="8", data=b""), 422, "/rooms has another binary_data_size than bytes"),
        (binary(size=7, data=b"1234567"), 422, "/rooms has 7 bytes, which are no whole number of FP64"),
        (binary(size=0, data=b""), 422, "/rooms has 0 elements, but the shape [1]"),
    ],
)
def test_binary_data_must_be_as_long_as_told(
    prices: Application, sent: tuple[bytes, dict[str, str]], status: int, says: str
) -> None:
    assert says in refused(prices.post(PATH, *sent), status)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\4\0\0\0eas", "/region breaks off in element 0"),
        (b"\4\0\0", "/region breaks off in element 0"),
        (b"\xff\xff\xff\xffeast", "/region breaks off in element 0"),
        (b"\4\0\0\0ea\xffst"[:8], "/region/0 is not UTF-8"),
        (b"\4\0\0\0east\0\0\0\0", "/region has 2 elements"),
    ],
)
def test_binary_texts_must_be_whole_and_utf_8(loans: Application, data: bytes, says: str) -> None:
    sent = {"name": "region", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(data)}}
    header = json.dumps({"inputs": loan(region=sent)}).encode()
    assert says in refused(loans.post(LOANS, header + data, {LENGTH: str(len(header))}), 422)


def test_a_binary_boolean_is_zero_or_one(loans: Application) -> None:
    sent = {"name": "owns_home", "datatype": "BOOL", "shape": [1], "parameters": {"binary_data_size": 1}}
    header = json.dumps({"inputs": loan(owns_home=sent)}).encode()
    said = refused(loans.post(LOANS, header + b"\2", {LENGTH: str(len(header))}), 422)
    assert "/owns_home/0 (2) is not a boolean: send 0 or 1" in said


@pytest.mark.parametrize(
    "headers", [{"content-type": "text/plain"}, {"content-type": "application/json", "content-encoding": "gzip"}]
)
def test_other_media_types_are_refused_with_those_that_are_read(prices: Application, headers: dict[str, str]) -> None:
    answer = prices.post(PATH, {"inputs": []}, headers)
    assert "reads application/json and application/octet-stream" in refused(answer, 415)
    assert answer.headers["accept"] == "application/json, application/octet-stream"


def test_a_prediction_that_fails_is_an_error_with_an_id_and_nothing_else(fragile: Application) -> None:
    said = refused(ask(fragile, tensor("shelf", [77_123]), tensor("ratio", [1]), path="/v2/models/fragile/infer"), 500)
    assert "; error id " in said
    assert "77123" not in said


@pytest.mark.parametrize(
    ("classes", "datatype", "shown"),
    [
        ([3, 7], "INT64", [7]),
        ([2.5, 7.5], "FP64", [7.5]),
        (["no", "süß"], "BYTES", ["süß"]),
        ([False, True], "BOOL", [True]),
    ],
)
def test_classes_are_answered_in_their_own_datatype(
    tmp_path: Path, classes: list[Any], datatype: str, shown: list[Any]
) -> None:
    application = Application(models.two(tmp_path, classes))
    answer = ask(application, tensor("x", [5]), path="/v2/models/two/infer").json()
    assert answer["outputs"][0] == {"name": "prediction", "datatype": datatype, "shape": [1], "data": shown}
    as_binary = ask(application, tensor("x", [5]), path="/v2/models/two/infer", parameters={"binary_data_output": True})
    data = as_binary.content[int(as_binary.headers[LENGTH]) :]
    assert len(data) == {"INT64": 8, "FP64": 8, "BOOL": 1, "BYTES": 4 + 5}[datatype] + 16


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_whatever_comes_is_answered_and_no_fault_of_the_service(loans: Application, data: st.DataObject) -> None:
    row: dict[str, Any] = {
        "age": np.array([41, 3]),
        "region": texts("east", "süd"),
        "owns_home": np.array([True, False]),
    }
    body, headers = request(row, binary=data.draw(st.booleans()))
    changed = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    assert loans.post(LOANS, bytes(changed), headers).status in (200, 400, 422)
