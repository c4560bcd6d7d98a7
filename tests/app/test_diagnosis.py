"""The slow path: every bad value of a refused body, with pointer, reason and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.artifact import Feature, encode, load
from app.diagnosis import diagnose_batch, diagnose_row
from app.errors import LISTED_ERRORS, InvalidInput, MalformedBody, ServiceError
from app.schema import RequestSchema, row_schema

CAUSE = ValueError("the strict decoder's words")
GOOD = '"age": 1, "region": "east", "owns_home": true'


@pytest.fixture(scope="module")
def features(loans: Path) -> list[Feature]:
    return load(loans).manifest.features


def found(error: ServiceError) -> dict[str, tuple[str, str | None]]:
    """Reason and value by pointer."""
    assert isinstance(error, InvalidInput)
    assert all(entry.remedy for entry in error.errors)
    return {entry.pointer: (entry.reason, entry.value) for entry in error.errors}


def test_every_bad_field_is_listed_at_once(features: list[Feature]) -> None:
    body = (
        b'{"age": "41", "region": "west", "owns_home": 1, "income": true, "employment": 5, "guarantor": "no", "x/~": 0}'
    )
    assert found(diagnose_row(body, features, CAUSE)) == {
        "/age": ("is a string, not a number", '"41"'),
        "/region": ("is a category never seen in training", '"west"'),
        "/income": ("is a boolean, not a number", "true"),
        "/owns_home": ("is a number, not a boolean", "1"),
        "/employment": ("is a number, not a string", "5"),
        "/guarantor": ("is a string, not a boolean", '"no"'),
        "/x~1~0": ("is unknown", None),
    }


def test_a_number_beyond_the_limits_that_were_declared_is_refused_by_decoder_and_diagnosis(loans: Path) -> None:
    manifest = load(loans).manifest
    limited = [
        msgspec.structs.replace(feature, limits=(0, 120)) if feature.name == "age" else feature
        for feature in manifest.features
    ]
    schema = RequestSchema(msgspec.structs.replace(manifest, features=limited), max_rows=1)
    for age, good in ((0, True), (120, True), (120.5, False), (-1, False)):
        body = f"{{{GOOD.replace('1', str(age), 1)}}}".encode()
        if good:
            schema.decode_row(body)
            continue
        with pytest.raises(msgspec.ValidationError):
            schema.decode_row(body)
        error = diagnose_row(body, limited, CAUSE)
        assert found(error) == {"/age": ("is out of range", str(age))}
        assert "a number from 0 to 120" in str(msgspec.json.encode(error.errors))  # pyright: ignore[reportAttributeAccessIssue]
    properties = row_schema(msgspec.structs.replace(manifest, features=limited))["properties"]
    assert (properties["age"]["minimum"], properties["age"]["maximum"]) == (0, 120)


def test_a_feature_without_limits_is_written_as_it_always_was(loans: Path) -> None:
    assert b'"limits"' not in encode(load(loans).manifest)


def test_missing_and_null_features_are_told_apart(features: list[Feature]) -> None:
    assert found(diagnose_row(b'{"age": null}', features, CAUSE)) == {
        "/age": ("is null, but training had no gaps in it", "null"),
        "/region": ("is missing", None),
        "/owns_home": ("is missing", None),
    }


@pytest.mark.parametrize(
    ("literal", "reason"),
    [
        ("NaN", "is not a number (NaN)"),
        ("Infinity", "is out of range"),
        ("-Infinity", "is out of range"),
        ("1e999", "is out of range"),
        ("3.5e38", "is out of range"),
        ("1" + "0" * 39, "is out of range"),
        ("-" + "9" * 5000, "is out of range"),
        ("[]", "is an array, not a number"),
        ("{}", "is an object, not a number"),
    ],
)
def test_what_is_no_usable_number_is_named(features: list[Feature], literal: str, reason: str) -> None:
    body = f'{{"age": {literal}, "region": "east", "owns_home": true}}'.encode()
    assert found(diagnose_row(body, features, CAUSE))["/age"][0] == reason


def test_shown_values_are_short_and_in_ascii(features: list[Feature]) -> None:
    body = '{"age": 1, "region": "' + "ü" * 10_000 + '", "owns_home": "\\ud800"}'
    entries = found(diagnose_row(body.encode(), features, CAUSE))
    for _, value in entries.values():
        assert value
        assert value.removesuffix("…").isascii()
        assert len(value) <= 81


def test_an_unknown_name_with_a_lone_surrogate_can_still_be_reported(features: list[Feature]) -> None:
    entries = found(diagnose_row(b'{"age": 1, "region": "east", "owns_home": true, "\\ud800": 1}', features, CAUSE))
    assert entries == {"/\\ud800": ("is unknown", None)}


@pytest.mark.parametrize("body", [b"[]", b"1", b'"x"', b"null", b"true"])
def test_a_body_that_is_no_object_is_refused_as_a_whole(features: list[Feature], body: bytes) -> None:
    assert list(found(diagnose_row(body, features, CAUSE))) == [""]
    assert list(found(diagnose_batch(body, features, 10, CAUSE))) == [""]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"{", "line 1, column 2"),
        (b'{"age": 1,}', "line 1, column"),
        (b'{"age"\n: 01}', "line 2, column"),
        (b'{"age": "\xff"}', "byte 9 is not UTF-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        ('{"age": 1}'.encode("utf-16"), "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
    ],
)
def test_a_body_that_is_not_json_is_malformed_at_a_position(features: list[Feature], body: bytes, says: str) -> None:
    error = diagnose_row(body, features, CAUSE)
    assert isinstance(error, MalformedBody)
    assert says in str(error)


@pytest.mark.parametrize(
    ("body", "pointer", "reason"),
    [
        ("{}", "/instances", "is missing"),
        ('{"instances": {}}', "/instances", "is an object, not an array"),
        ('{"instances": []}', "/instances", "is empty"),
        ('{"instances": [1,2,3]}', "/instances", "has 3 rows"),
        ('{"instances": [5]}', "/instances/0", "is a number, not an object"),
        (f'{{"instances": [{{{GOOD}}}], "rows": 1}}', "/rows", "is unknown"),
    ],
)
def test_the_frame_of_a_batch_is_checked(features: list[Feature], body: str, pointer: str, reason: str) -> None:
    assert found(diagnose_batch(body.encode(), features, 2, CAUSE))[pointer][0] == reason


def test_a_batch_with_one_bad_row_names_the_row(features: list[Feature]) -> None:
    body = f'{{"instances": [{{{GOOD}}}, {{{GOOD}, "income": "x"}}, {{{GOOD}}}]}}'.encode()
    assert list(found(diagnose_batch(body, features, 10, CAUSE))) == ["/instances/1/income"]


def test_the_list_of_errors_ends_somewhere(features: list[Feature]) -> None:
    body = b'{"instances": [' + b",".join([b"{}"] * 5_000) + b"]}"
    error = diagnose_batch(body, features, 10_000, CAUSE)
    assert len(found(error)) == LISTED_ERRORS
    assert f"more than {LISTED_ERRORS}" in str(error)


def test_a_refusal_nobody_can_explain_keeps_the_decoders_words(features: list[Feature]) -> None:
    assert found(diagnose_row(f"{{{GOOD}}}".encode(), features, CAUSE)) == {"": (str(CAUSE), None)}


def test_a_remedy_lists_the_categories_and_allows_null_where_training_had_gaps(features: list[Feature]) -> None:
    body = f'{{{GOOD}, "employment": "none"}}'.encode()
    error: Any = diagnose_row(body, features, CAUSE)
    assert error.errors[0].remedy == 'send one of "employed", "self-employed", or null'
