"""How a text table is written: its encoding, its delimiter and its header, declared or found out."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from typing import BinaryIO

from training.data_settings import CsvSettings
from training.errors import DataError

HEAD_BYTES = 1 << 18
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
FALLBACK = "cp1252"  # Western Windows; all printable characters of Latin-1 stand at the same bytes in it
# The longer marks first: that of UTF-32 begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SAMPLE_ROWS = 100


@dataclass(frozen=True)
class Dialect:
    """The encoding (a codec of Python), the delimiter, the header's names and how many empty lines stand above it."""

    encoding: str
    delimiter: str
    names: list[str]
    empty_lines: int


def find_dialect(place: str, stream: BinaryIO, settings: CsvSettings, notes: list[str]) -> Dialect:
    """Look at the beginning of ``stream`` and say in ``notes`` what is not the usual.

    Raises DataError for an unknown encoding, text that does not decode, and a file without a header.
    """
    head = stream.read(HEAD_BYTES)
    encoding = _encoding(place, head, settings.encoding)
    text = _decode(place, head, encoding, whole=len(head) < HEAD_BYTES)
    body = text.lstrip("\r\n")
    empty_lines = len(text[: len(text) - len(body)].splitlines())
    if not body:
        raise DataError(f"{place}: empty; the first line must name the columns")
    delimiter = settings.delimiter if settings.delimiter != "auto" else _delimiter(place, body)
    if settings.delimiter == "auto" and delimiter != ",":
        notes.append(f"{place}: fields are separated by a {DELIMITERS[delimiter]}")
    try:
        names = next(csv.reader(io.StringIO(body, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise DataError(f"{place}: not a table of separated values ({error})") from error
    return Dialect(encoding, delimiter, names, empty_lines)


def _encoding(place: str, head: bytes, declared: str) -> str:
    """The codec: that of the byte order mark, else as declared, else UTF-8."""
    marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
    if declared == "auto":
        if marked is None and b"\0" in head:
            raise DataError(
                f"{place}: holds NUL bytes; if it is UTF-16 without a byte order mark, set data.csv.encoding to "
                "utf-16-le or utf-16-be"
            )
        return marked or "utf-8"
    try:
        codecs.lookup(declared)
    except LookupError as error:
        raise DataError(f"data.csv.encoding = {declared}: no such encoding; utf-8 and cp1252 are some") from error
    return marked if marked == "utf-8-sig" and declared.replace("_", "-").lower() in {"utf-8", "utf8"} else declared


def _decode(place: str, head: bytes, encoding: str, whole: bool) -> str:
    """The text of the head, whose last character may be cut; bytes that are not UTF-8 are looked at as FALLBACK."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            return head.decode(FALLBACK, errors="replace")
        raise not_decodable(place, encoding, error) from error


def not_decodable(place: str, encoding: str, error: UnicodeDecodeError) -> DataError:
    """The error for bytes that the encoding does not know."""
    return DataError(f"{place}: not {encoding} text ({error.reason} at byte {error.start}); set data.csv.encoding")


def _delimiter(place: str, body: str) -> str:
    """The delimiter by which the first rows have most fields, all as many as the header; a comma where none has two.

    Raises DataError where two delimiters divide them equally well.
    """
    widths: dict[str, int] = {}
    for delimiter in DELIMITERS:
        width = _width(body, delimiter)
        if width > 1:
            widths[delimiter] = width
    if not widths:
        header = body.splitlines()[0]
        present = [delimiter for delimiter in DELIMITERS if delimiter in header]
        return max(present, key=header.count, default=",")
    best = max(widths.values())
    candidates = [delimiter for delimiter, width in widths.items() if width == best]
    if len(candidates) > 1:
        names = " or ".join(DELIMITERS[delimiter] for delimiter in candidates)
        raise DataError(f"{place}: fields may be separated by {names}; set data.csv.delimiter")
    return candidates[0]


def _width(body: str, delimiter: str) -> int:
    """The number of fields that all of the first rows have, or 0 where it differs."""
    reader = csv.reader(io.StringIO(body, newline=""), delimiter=delimiter)
    widths: set[int] = set()
    try:
        for count, row in enumerate(filter(None, reader)):
            if count == SAMPLE_ROWS or reader.line_num >= body.count("\n"):  # the last line may be cut
                break
            widths.add(len(row))
    except csv.Error:
        return 0
    return widths.pop() if len(widths) == 1 else 0
