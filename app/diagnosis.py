"""Why a body was refused: the slow path that reads it leniently and lists every bad value with its remedy.

It runs only after the strict decoder has failed, so it may take its time; it reads `NaN` and `Infinity`, which are not
JSON, in order to name the fields that hold them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from msgspec import UNSET

from app.artifact import MAX_MAGNITUDE, Feature
from app.errors import LISTED_ERRORS, FieldError, InvalidInput, MalformedBody, ServiceError

SHOWN = 80
_LONGEST_INTEGER = 400  # digits; longer ones exceed every float, and converting them would cost quadratic time


def diagnose_row(body: bytes, features: list[Feature], cause: Exception) -> ServiceError:
    """The error that explains why ``body`` is not one row of ``features``."""
    return _diagnose(body, cause, lambda content: _row_errors(content, features, ""))


def diagnose_batch(body: bytes, features: list[Feature], max_rows: int, cause: Exception) -> ServiceError:
    """The error that explains why ``body`` is not ``{"instances": [row, …]}`` with at most ``max_rows`` rows."""
    return _diagnose(body, cause, lambda content: _batch_errors(content, features, max_rows))


def _diagnose(body: bytes, cause: Exception, find: Callable[[Any], Iterator[FieldError]]) -> ServiceError:
    """Parse leniently, list what ``find`` finds, and fall back on the strict decoder's own words."""
    try:
        content = parse(body)
    except MalformedBody as error:
        return error
    unexplained = FieldError("", reason=str(cause), remedy="compare it with /openapi.json")
    return InvalidInput(list(islice(find(content), LISTED_ERRORS + 1)) or [unexplained])


def parse(body: bytes) -> Any:
    """The content of a body that is JSON but for NaN and Infinity; raises MalformedBody with the position."""
    if not body.strip():
        raise MalformedBody("the body is empty; send a JSON object")
    try:
        text = body.decode("utf-8")
        return json.loads(text, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise MalformedBody(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise MalformedBody(f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise MalformedBody("nested too deeply; a row is a flat object") from error


def _integer(digits: str) -> int | float:
    """An integer literal; those too long for any float become infinite, which is out of range like they are."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else math.copysign(math.inf, -1 if digits[0] == "-" else 1)


def _batch_errors(content: Any, features: list[Feature], max_rows: int) -> Iterator[FieldError]:
    """What is wrong with a batch: its frame first, then each row under its index."""
    remedy = 'send {"instances": [{…}, …]}'
    if not isinstance(content, dict):
        yield FieldError("", reason=f"is {kind(content)}, not an object", remedy=remedy, value=shown(content))
        return
    frame: dict[str, Any] = content
    for name in frame.keys() - {"instances"}:
        yield FieldError(pointer("", name), reason="is unknown", remedy=f"leave it out; {remedy}")
    if "instances" not in frame:
        yield FieldError("/instances", reason="is missing", remedy=remedy)
        return
    rows = frame["instances"]
    if not isinstance(rows, list):
        yield FieldError("/instances", reason=f"is {kind(rows)}, not an array", remedy=remedy, value=shown(rows))
    elif not rows:
        yield FieldError("/instances", reason="is empty", remedy="send at least one row")
    elif len(rows) > max_rows:
        yield FieldError("/instances", reason=f"has {len(rows)} rows", remedy=f"send at most {max_rows} rows at once")
    else:
        for index, row in enumerate(rows):
            yield from _row_errors(row, features, f"/instances/{index}")


def _row_errors(row: Any, features: list[Feature], at: str) -> Iterator[FieldError]:
    """What is wrong with the row at pointer ``at``: bad and missing features in their order, then unknown ones."""
    if not isinstance(row, dict):
        yield FieldError(
            at, reason=f"is {kind(row)}, not an object", remedy="send the features by name", value=shown(row)
        )
        return
    fields: dict[str, Any] = row
    for feature in features:
        if feature.name in fields:
            reason = refusal(fields[feature.name], feature)
            if reason:
                value = shown(fields[feature.name])
                yield FieldError(pointer(at, feature.name), reason=reason, remedy=remedy_for(feature), value=value)
        elif not feature.nullable:
            yield FieldError(pointer(at, feature.name), reason="is missing", remedy=remedy_for(feature))
    known = {feature.name for feature in features}
    for name in fields:
        if name not in known:
            yield FieldError(pointer(at, name), reason="is unknown", remedy="leave it out; /model lists the features")


def refusal(value: Any, feature: Feature) -> str | None:
    """Why ``value`` cannot be ``feature``, or None where it can."""
    if value is None:
        return None if feature.nullable else "is null, but training had no gaps in it"
    if feature.type == "category":
        if not isinstance(value, str):
            return f"is {kind(value)}, not a string"
        return None if value in feature.categories else "is a category never seen in training"
    if feature.type == "boolean":
        return None if isinstance(value, bool) else f"is {kind(value)}, not a boolean"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"is {kind(value)}, not a number"
    if math.isnan(value):
        return "is not a number (NaN)"
    least, greatest = feature.bounds
    return None if least <= value <= greatest else "is out of range"


def remedy_for(feature: Feature) -> str:
    """What to send for ``feature``."""
    if feature.type == "category":
        shown = ", ".join(json.dumps(category) for category in feature.categories[:10])
        what = f"one of {shown}" + (", … (/model lists all)" if len(feature.categories) > 10 else "")
    elif feature.type == "boolean":
        what = "true or false"
    elif feature.limits is UNSET:
        what = f"a number within ±{MAX_MAGNITUDE:.4g}"
    else:
        what = "a number from {:.6g} to {:.6g}".format(*feature.bounds)
    return f"send {what}, or null" if feature.nullable else f"send {what}"


def kind(value: Any) -> str:
    """The JSON type of ``value`` with its article."""
    kinds: dict[type, str] = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    return "null" if value is None else kinds.get(type(value), "a number")


def pointer(at: str, name: str) -> str:
    """The JSON pointer of member ``name`` below ``at`` (RFC 6901), shortened and in printable characters."""
    token = name if len(name) <= SHOWN else name[:SHOWN] + "…"
    return f"{at}/{token.replace('~', '~0').replace('/', '~1')}".encode("utf-8", "backslashreplace").decode()


def shown(value: Any) -> str:
    """The JSON text of ``value`` in ASCII, shortened; of arrays and objects the brackets."""
    if isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    text = json.dumps(value[: SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
