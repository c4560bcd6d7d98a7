"""Batches as Arrow streams: what is read, what is answered, and what is wrong with the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.app import models
from tests.app.arrow.streams import BOTH_WAYS, SENT, STREAM, ask, read, stream
from tests.app.inside import Answer, Application
from tests.app.models import FLOWER
from tests.app.service import Service

ROWS: list[dict[str, Any]] = [
    {"age": 41, "region": "süd", "income": 52_000.5, "owns_home": True, "employment": None, "guarantor": False},
    {"age": 30, "region": "east", "income": None, "owns_home": False, "employment": "self-employed", "guarantor": None},
    {"age": 7, "region": "süd", "income": 3.0, "owns_home": True, "employment": "employed", "guarantor": True},
]
COLUMNS: dict[str, list[Any]] = {name: [row[name] for row in ROWS] for name in ROWS[0]}


@pytest.fixture(scope="module")
def loans(loans: Path) -> Application:
    return Application(loans, max_batch_rows=10)


@pytest.fixture(scope="module")
def batch(loans: Application) -> dict[str, Any]:
    """The answer to the same rows in JSON."""
    return loans.post("/predict/batch", {"instances": ROWS}).json()


def refused(answer: Answer, status: int) -> dict[str, Any]:
    assert answer.status == status, answer.content
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


def errors(answer: Answer) -> dict[str, str]:
    """Reason by pointer."""
    found = refused(answer, 422)["errors"]
    assert all(entry["remedy"] for entry in found)
    return {entry["pointer"]: entry["reason"] for entry in found}


def test_pyarrow_and_the_server_understand_each_other(flower_service: Service) -> None:
    rows = [{name: value + number for name, value in FLOWER.items()} for number in range(5)]
    columns = {name: [row[name] for row in rows] for name in FLOWER}
    answer = flower_service.client.post("/predict/batch", content=stream(columns), headers=BOTH_WAYS)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == STREAM
    found, batch = read(answer.content), flower_service.client.post("/predict/batch", json={"instances": rows}).json()
    assert found["prediction"].to_pylist() == batch["predictions"]
    assert found.column_names[1:] == [f"probabilities.{name}" for name in batch["probabilities"]]
    assert [column.to_pylist() for column in found.columns[1:]] == [*batch["probabilities"].values()]
    assert found.schema.metadata == {b"model_version": batch["model_version"].encode()}
    assert not any(field.nullable for field in found.schema)


@pytest.mark.parametrize(
    "headers", [SENT, {"content-type": f"{STREAM.upper()}; charset=utf-8"}, SENT | {"accept": "*/*"}]
)
def test_the_answer_is_json_unless_arrow_is_asked_for(
    loans: Application, batch: dict[str, Any], headers: dict[str, str]
) -> None:
    answer = ask(loans, COLUMNS, headers)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == batch


@pytest.mark.parametrize(
    ("accept", "arrow"),
    [
        (STREAM, True),
        (f"{STREAM}, application/json;q=0.5", True),
        (f"application/json, {STREAM}", True),
        (f"Application/JSON, {STREAM.upper()} ; Q=0.9", False),
        (f"application/json;q=0.1, {STREAM}; q=0.2", True),
        (f"{STREAM};q=0", False),
        (f"{STREAM};q=nan", False),
        (f"{STREAM}x", False),
        ("application/*", False),
        (",;,=", False),
    ],
)
def test_json_may_be_sent_and_arrow_answered_as_accept_prefers(
    loans: Application, batch: dict[str, Any], accept: str, arrow: bool
) -> None:
    answer = loans.post("/predict/batch", {"instances": ROWS}, {"content-type": "application/json", "accept": accept})
    assert answer.status == 200
    if arrow:
        assert read(answer.content)["prediction"].to_pylist() == batch["predictions"]
    else:
        assert answer.json() == batch


def coded(values: list[Any], type_: Any = None) -> Any:
    """A column as a dictionary."""
    return pa.array(values).cast(type_) if type_ else pa.array(values).dictionary_encode()


NUMBERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]


@pytest.mark.parametrize(
    "changed",
    [
        *({"age": pa.array(COLUMNS["age"], getattr(pa, name)())} for name in NUMBERS),
        {"income": pa.array([52_000.5, None, 3], pa.float32())},
        {"region": pa.array(COLUMNS["region"], pa.large_string())},
        {"region": coded(COLUMNS["region"]), "employment": coded(COLUMNS["employment"])},
        {"region": coded(COLUMNS["region"], pa.dictionary(pa.uint8(), pa.large_string()))},
        {"employment": coded(COLUMNS["employment"], pa.dictionary(pa.int64(), pa.string()))},
        {"employment": pa.array(["", "self-employed", "employed"])},
        {"owns_home": pa.array([1, 0, 1], pa.int8()), "guarantor": pa.array([0.0, None, 1.0])},
        {"guarantor": pa.array([0.0, float("nan"), 1.0])},
        {"age": coded(COLUMNS["age"]), "guarantor": coded(COLUMNS["guarantor"])},
    ],
)
def test_values_may_be_of_every_type_that_holds_them(
    loans: Application, batch: dict[str, Any], changed: dict[str, Any]
) -> None:
    assert ask(loans, COLUMNS | changed).json() == batch


def test_columns_stand_in_any_order_and_rows_in_any_number_of_batches(
    loans: Application, batch: dict[str, Any]
) -> None:
    columns = dict(reversed(COLUMNS.items())) | {"region": coded(COLUMNS["region"])}
    for rows in (1, 2, 3):
        assert ask(loans, columns, rows_per_batch=rows).json() == batch


def test_dictionaries_may_grow_and_be_replaced_between_batches(loans: Application, batch: dict[str, Any]) -> None:
    type_ = pa.dictionary(pa.int8(), pa.string())
    for delta in (True, False):
        chunks = [["süd"], ["süd", "east"], ["süd", "east", "north/west"]]
        indices = [0, 1, 0]
        arrays = [
            pa.DictionaryArray.from_arrays(pa.array([index], pa.int8()), pa.array(texts))
            for index, texts in zip(indices, chunks, strict=True)
        ]
        columns = COLUMNS | {"region": pa.chunked_array(arrays, type_)}
        assert ask(loans, columns, emit_dictionary_deltas=delta).json() == batch


def test_a_column_of_gaps_may_be_left_out_or_be_of_no_type(loans: Application) -> None:
    gaps = COLUMNS | {"income": [None] * 3, "employment": [None] * 3, "guarantor": [None] * 3}
    assert all(pa.array(gaps[name]).type == pa.null() for name in ("income", "employment", "guarantor"))
    present = {name: values for name, values in COLUMNS.items() if name in ("age", "region", "owns_home")}
    answer = ask(loans, gaps)
    assert answer.status == 200
    assert answer.content == ask(loans, present).content
    assert errors(ask(loans, COLUMNS | {"age": [None] * 3})) == {"/age": "is missing"}


@pytest.mark.parametrize(
    ("changed", "pointer", "reason"),
    [
        ({"age": [1, float("nan"), 2]}, "/age/1", "is not a number (NaN)"),
        ({"age": [1, None, 2]}, "/age/1", "is not a number (NaN)"),
        ({"age": [1, 2, 1e39]}, "/age/2", "is out of range"),
        ({"age": [float("-inf"), 2, 1]}, "/age/0", "is out of range"),
        ({"age": [True, False, True]}, "/age", "holds booleans"),
        ({"age": ["1", "2", "3"]}, "/age", "holds texts"),
        ({"region": ["east", "west", "süd"]}, "/region/1", "is a category never seen in training"),
        ({"region": ["east", None, "süd"]}, "/region/1", "is null, but training had no gaps in it"),
        ({"region": coded(["east", "", "süd"])}, "/region/1", "is a category never seen in training"),
        ({"region": [1, 2, 3]}, "/region", "holds numbers"),
        ({"owns_home": [1, 0, 2]}, "/owns_home/2", "is a number, not a boolean"),
        ({"guarantor": [0.5, None, 1]}, "/guarantor/0", "is a number, not a boolean"),
        ({"colour": ["red"] * 3}, "/colour", "is unknown"),
        ({"age": pa.array([1, 2, 3], pa.date32())}, "/age", "is of Arrow's type date"),
        ({"age": [[1], [2], [3]]}, "/age", "is of Arrow's type list"),
        ({"colour": [{"r": 1}] * 3}, "/colour", "is of Arrow's type struct"),
        ({"region": pa.array(["east"] * 3, pa.string_view())}, "/region", "is of Arrow's type utf8_view"),
        ({"region": pa.array([b"east"] * 3)}, "/region", "is of Arrow's type binary"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_column_and_row(
    loans: Application, changed: dict[str, Any], pointer: str, reason: str
) -> None:
    assert errors(ask(loans, COLUMNS | changed)) == {pointer: reason}


def test_every_bad_value_is_named_with_what_it_was(loans: Application) -> None:
    answer = ask(loans, COLUMNS | {"age": [1e39, 1, -1e300], "region": ["x", "east", "y"]})
    found = {entry["pointer"]: entry["value"] for entry in refused(answer, 422)["errors"]}
    assert found == {"/age/0": "1e+39", "/age/2": "-1e+300", "/region/0": '"x"', "/region/2": '"y"'}


def test_missing_columns_are_named(loans: Application) -> None:
    assert errors(ask(loans, {"income": [1.0], "region": ["east"]})) == {
        "/age": "is missing",
        "/owns_home": "is missing",
    }


def test_a_column_that_comes_twice_is_named(loans: Application) -> None:
    twice = pa.Table.from_arrays([pa.array([1])] * 2, names=["age", "age"])
    assert errors(ask(loans, twice)) == {"/age": "comes twice"}


def test_no_rows_and_too_many_are_refused(loans: Application) -> None:
    assert errors(ask(loans, {name: values[:0] for name, values in COLUMNS.items()})) == {"": "has no rows"}
    many = {name: values * 4 for name, values in COLUMNS.items()}
    assert errors(ask(loans, many)) == {"": "has 12 rows"}
    assert errors(ask(loans, many, rows_per_batch=5)) == {"": "has 12 rows"}


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_buffers_are_refused_since_they_may_hide_any_size(loans: Application, compression: str) -> None:
    problem = refused(ask(loans, COLUMNS, compression=compression), 400)
    assert problem["detail"] == "the Arrow stream's buffers are compressed; write it without compression"


def test_an_arrow_file_is_told_apart(loans: Application, tmp_path: Path) -> None:
    with pa.OSFile(str(tmp_path / "x"), "wb") as sink, pa.ipc.new_file(sink, pa.table(COLUMNS).schema) as writer:
        writer.write_table(pa.table(COLUMNS))
    problem = refused(loans.post("/predict/batch", (tmp_path / "x").read_bytes(), SENT), 400)
    assert "this is an Arrow file; send a stream" in problem["detail"]


def test_other_media_types_are_refused_with_those_that_are_read(loans: Application) -> None:
    answer = loans.post("/predict/batch", stream(COLUMNS), {"content-type": "application/vnd.apache.arrow.file"})
    assert "reads application/json and application/vnd.apache.arrow.stream" in refused(answer, 415)["detail"]
    assert answer.headers["accept"] == "application/json, application/vnd.apache.arrow.stream"
    assert refused(loans.post("/predict", stream(COLUMNS), SENT), 415)
    compressed = loans.post("/predict/batch", stream(COLUMNS), SENT | {"content-encoding": "gzip"})
    assert "send it without Content-Encoding" in refused(compressed, 415)["detail"]


@pytest.mark.parametrize(
    ("classes", "type_"),
    [
        ([3, 7], pa.int64()),
        ([2.5, 7.5], pa.float64()),
        ([False, True], pa.bool_()),
        (["no", "süß"], pa.dictionary(pa.int32(), pa.string())),
    ],
)
@pytest.mark.parametrize("count", [1, 7, 8, 9])
def test_classes_are_answered_in_their_own_type(tmp_path: Path, classes: list[Any], type_: Any, count: int) -> None:
    application = Application(models.two(tmp_path, classes))
    values = np.linspace(-1, 1, count)
    found = read(ask(application, {"x": values}, BOTH_WAYS).content)
    assert found["prediction"].type == type_
    assert found["prediction"].to_pylist() == [classes[int(value > 0)] for value in values]


def test_a_regression_answers_one_column(prices: Path) -> None:
    found = read(ask(Application(prices), {"rooms": [4, 1], "age": [10.5, 0]}, BOTH_WAYS).content)
    assert found.to_pydict() == {"prediction": [17.25, 3.0]}


def test_a_failed_prediction_is_a_problem_also_where_arrow_is_asked_for(fragile: Path) -> None:
    answer = ask(Application(fragile), {"shelf": [77_123], "ratio": [1]}, BOTH_WAYS)
    assert refused(answer, 500)["error_id"]
