"""Streams that are broken, or made to break what reads them: a refusal each, in bounded memory, and no crash."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from app.arrow.messages import MOST_MESSAGES, Slots
from app.arrow.reader import Stream
from app.errors import ServiceError
from tests.app.arrow.streams import BOTH_WAYS, SENT, read, stream
from tests.app.inside import Application

COLUMNS = {
    "age": pa.array([41, 3, 7], pa.int16()),
    "region": pa.array(["east", "süd", "east"]).dictionary_encode(),
    "income": [1.5, None, 3.0],
    "owns_home": [True, False, True],
    "employment": ["employed", None, "self-employed"],
}
GOOD = stream(COLUMNS)
END = struct.pack("<Ii", 0xFFFFFFFF, 0)
LARGEST = 2_000_000  # bytes that reading a stream of two kilobytes may take


@pytest.fixture(scope="module")
def loans(loans: Path) -> Application:
    return Application(loans, max_batch_rows=10)


def post(application: Application, content: bytes) -> int:
    """The status of the answer, which must be none of the service's own failures."""
    status = application.post("/predict/batch", content, BOTH_WAYS).status
    assert status in (200, 400, 422)
    return status


def detail(application: Application, content: bytes) -> str:
    answer = application.post("/predict/batch", content, SENT)
    assert answer.status == 400, answer.content
    return answer.json()["detail"]


def test_a_stream_that_breaks_off_anywhere_is_refused(loans: Application) -> None:
    assert post(loans, GOOD) == 200
    assert {post(loans, GOOD[:length]) for length in range(len(GOOD))} == {400}


def test_what_follows_the_end_is_refused(loans: Application) -> None:
    assert detail(loans, GOOD + b"more") == "4 bytes follow the end of the Arrow stream"
    assert detail(loans, GOOD * 2) == f"{len(GOOD)} bytes follow the end of the Arrow stream"


def test_what_is_no_stream_is_refused(loans: Application) -> None:
    assert detail(loans, b"") == "message 0 of the Arrow stream cannot be read"
    assert detail(loans, b'{"instances": []}') == "message 0 of the Arrow stream cannot be read"
    assert detail(loans, END) == "the Arrow stream does not begin with a schema"
    assert detail(loans, GOOD[: -len(END)] + GOOD) == "message 3 of the Arrow stream cannot be read"  # a second schema


def test_many_small_messages_are_refused(loans: Application) -> None:
    schema = pa.schema([("age", pa.int16())])
    one = pa.record_batch([pa.array([1], pa.int16())], schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for _ in range(MOST_MESSAGES):
            writer.write_batch(one)
    assert "send fewer, larger batches" in detail(loans, sink.getvalue().to_pybytes())


def test_many_columns_are_refused_unread(loans: Application) -> None:
    columns = {f"x{number}": [1] for number in range(200)}
    assert detail(loans, stream(columns)) == "the schema of the Arrow stream cannot be read"


@pytest.mark.parametrize("offsets", [(0, 8, 8, 22), (-1, 8, 8, 21), (0, 9, 8, 21), (0, 8, 2**31 - 1, 21)])
def test_texts_beyond_their_buffer_are_refused(loans: Application, offsets: tuple[int, ...]) -> None:
    good = struct.pack("<4i", 0, 8, 8, 21)
    assert GOOD.count(good) == 1
    lying = GOOD.replace(good, struct.pack("<4i", *offsets))
    assert detail(loans, lying) == "message 2 of the Arrow stream cannot be read"


def test_texts_that_are_not_utf_8_are_refused(loans: Application) -> None:
    assert (
        detail(loans, GOOD.replace(b"self-employed", b"self-\xffmployed"))
        == "the Arrow stream has texts that are not UTF-8"
    )


def test_values_of_too_many_rows_are_not_read(loans: Application) -> None:
    unreadable = stream({name: [*pa.array(column).to_pylist()] * 4 for name, column in COLUMNS.items()})
    answer = loans.post("/predict/batch", unreadable.replace(b"employed", b"\xffmployed"), SENT)
    assert [entry["reason"] for entry in answer.json()["errors"]] == ["has 12 rows"]


def test_a_table_whose_offsets_stand_before_the_buffer_is_none() -> None:
    with pytest.raises(ValueError, match="-4"):
        Slots(memoryview(struct.pack("<ii", 4, 4)), 0)


def damaged() -> Iterator[bytes]:
    """The good stream with one number after the other made too large or negative."""
    for width, values in ((4, (-1, 2**31 - 1)), (8, (-1, 2**40))):
        for start in range(0, len(GOOD) - width, width):
            for value in values:
                yield GOOD[:start] + value.to_bytes(width, "little", signed=True) + GOOD[start + width :]


def test_a_number_that_lies_is_refused_in_bounded_memory(loans: Application) -> None:
    post(loans, GOOD)
    tracemalloc.start()
    try:
        for content in damaged():
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            post(loans, content)
            assert tracemalloc.get_traced_memory()[1] - before < LARGEST
    finally:
        tracemalloc.stop()


def values(content: bytes) -> dict[str, list[Any]] | None:
    """What our reader makes of a stream, None where it refuses it."""
    try:
        found = Stream(content, 100).columns(COLUMNS)
    except ServiceError:
        return None
    return {name: column.tolist() for name, column in found.items()}


def test_what_is_read_of_a_damaged_stream_is_what_pyarrow_reads() -> None:
    generator = random.Random(11)
    agreed = 0
    for _ in range(3_000):
        content = bytearray(GOOD)
        for _ in range(generator.choice((1, 1, 2, 4))):
            content[generator.randrange(len(content))] = generator.choice((0, 1, 2, 127, 255, generator.randrange(256)))
        ours = values(bytes(content))
        if ours is None:
            continue
        try:
            theirs = read(bytes(content))
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            continue
        agreed += 1
        for name, column in ours.items():
            if name in COLUMNS:
                expected = theirs[name].to_pylist()
                assert [None if value != value else value for value in column] == expected
    assert agreed > 300
