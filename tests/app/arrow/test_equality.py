"""The same rows get the same answers and counts, as Arrow columns or as JSON objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.artifact import MAX_MAGNITUDE
from tests.app.arrow.streams import BOTH_WAYS, ask, read
from tests.app.inside import Application

NUMBER = st.floats(-MAX_MAGNITUDE, MAX_MAGNITUDE) | st.integers(-(2**63), 2**63 - 1).map(float)
ROW = st.fixed_dictionaries(
    {
        "age": NUMBER,
        "region": st.sampled_from(["east", "north/west", "süd"]),
        "income": NUMBER | st.none(),
        "owns_home": st.booleans(),
        "employment": st.sampled_from(["employed", "self-employed", None]),
        "guarantor": st.booleans() | st.none(),
    }
)
TYPES = {
    "age": st.just(pa.float64()),
    "region": st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]),
    "income": st.just(pa.float64()),
    "owns_home": st.just(pa.bool_()),
    "employment": st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.large_string())]),
    "guarantor": st.sampled_from([pa.bool_(), pa.float32()]),
}


@pytest.fixture(scope="module")
def application(loans: Path) -> Application:
    return Application(loans, max_batch_rows=20)


def counts(application: Application) -> dict[str, float]:
    return {name: count for name, count in application.metrics().items() if name.startswith("model_")}


@settings(deadline=None, max_examples=150)
@given(rows=st.lists(ROW, min_size=1, max_size=20), types=st.fixed_dictionaries(TYPES), per_batch=st.integers(1, 20))
def test_the_same_rows_get_exactly_the_same_answers(
    application: Application, rows: list[dict[str, Any]], types: dict[str, Any], per_batch: int
) -> None:
    columns = {name: pa.array([row[name] for row in rows]).cast(type_) for name, type_ in types.items()}
    before = counts(application)
    arrow = ask(application, columns, BOTH_WAYS, rows_per_batch=per_batch)
    between = counts(application)
    batch = application.post("/predict/batch", {"instances": rows}).json()
    after = counts(application)
    assert arrow.status == 200
    found = read(arrow.content)
    assert found["prediction"].to_pylist() == batch["predictions"]
    assert [column.to_pylist() for column in found.columns[1:]] == [*batch["probabilities"].values()]
    assert between["model_prediction_rows_total"] == before["model_prediction_rows_total"] + len(rows)
    assert {name: between[name] - before[name] for name in before} == {
        name: after[name] - between[name] for name in before
    }
