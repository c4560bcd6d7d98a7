"""The request types made from a manifest: what they accept, and the arrays they become."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.artifact import MAX_MAGNITUDE, Manifest, load
from app.diagnosis import diagnose_row
from app.errors import InvalidInput
from app.schema import RequestSchema, class_name, row_schema

LOAN = {"age": 41, "region": "east", "income": 52000.5, "owns_home": True, "employment": None, "guarantor": None}


@pytest.fixture(scope="module")
def manifest(loans: Path) -> Manifest:
    return load(loans).manifest


def row_of(manifest: Manifest, **changes: Any) -> Any:
    return RequestSchema(manifest, 10).decode_row(msgspec.json.encode(LOAN | changes))


def test_a_row_becomes_the_graphs_inputs_in_manifest_order(manifest: Manifest) -> None:
    schema = RequestSchema(manifest, max_rows=10)
    feed = schema.feed([row_of(manifest), row_of(manifest, income=None, employment="employed", guarantor=False)])
    assert feed["numbers"].dtype == np.float64
    np.testing.assert_array_equal(feed["numbers"], [[41, 52000.5, 1, np.nan], [41, np.nan, 1, 0]])
    assert feed["texts"].tolist() == [["east", ""], ["east", "employed"]]


def test_nullable_features_may_be_left_out(manifest: Manifest) -> None:
    schema = RequestSchema(manifest, max_rows=10)
    row = schema.decode_row(b'{"age": 1, "region": "east", "owns_home": false}')
    np.testing.assert_array_equal(schema.feed([row])["numbers"], [[1, np.nan, 0, np.nan]])
    assert schema.feed([row])["texts"].tolist() == [["east", ""]]


def test_numbers_without_gaps_keep_every_bit(flowers: Path) -> None:
    schema = RequestSchema(load(flowers).manifest, max_rows=3)
    names = [feature.name for feature in schema.features]
    rows = [[0.1, 1e-320, -0.0, 3.4028234663852886e38], [1, 2, 3, 2**60 + 1]]
    body = msgspec.json.encode({"instances": [dict(zip(names, row, strict=True)) for row in rows]})
    np.testing.assert_array_equal(schema.feed(schema.decode_batch(body))["numbers"], np.array(rows, dtype=np.float64))


def test_the_last_of_two_equal_keys_counts(manifest: Manifest) -> None:
    body = b'{"age": 1, "region": "east", "owns_home": true, "age": 2}'
    schema = RequestSchema(manifest, max_rows=10)
    assert schema.feed([schema.decode_row(body)])["numbers"][0, 0] == 2


def test_classes_are_named_by_their_json_text() -> None:
    assert [class_name(value) for value in ("yes", True, 3, 2.5)] == ["yes", "true", "3", "2.5"]


TEXT = st.text(alphabet='aeü/~"\\\n\0', max_size=3)
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([MAX_MAGNITUDE, -MAX_MAGNITUDE, "east", "north/west", "süd", "employed", ""]),
    TEXT,
    st.lists(st.integers(), max_size=1),
    st.dictionaries(TEXT, st.integers(), max_size=1),
)
ROWS = st.dictionaries(st.sampled_from([*LOAN, "unknown"]), VALUES).map(lambda changes: LOAN | changes)


@settings(deadline=None)
@given(row=ROWS, dropped=st.sets(st.sampled_from([*LOAN])))
def test_decoder_json_schema_and_diagnosis_agree_on_every_row(
    manifest: Manifest, row: dict[str, Any], dropped: set[str]
) -> None:
    row = {name: value for name, value in row.items() if name not in dropped}
    body = msgspec.json.encode(row)
    valid = jsonschema.Draft202012Validator(row_schema(manifest)).is_valid(row)
    try:
        RequestSchema(manifest, 10).decode_row(body)
    except msgspec.ValidationError as error:
        assert not valid
        diagnosis = diagnose_row(body, manifest.features, error)
        assert isinstance(diagnosis, InvalidInput)
        assert all(entry.pointer for entry in diagnosis.errors), "a refusal without a named field"
    else:
        assert valid
