"""What a provider refuses before it does anything: what its own schema, as the SDK tells it, does not allow.

Unknown and missing properties, wrong types, and values outside an enumeration, at any depth. Not checked is what only
the cloud knows: quotas, rights, names that are taken, and which properties exclude one another.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import Enum
from typing import Any, NamedTuple, cast

import pulumi

from engine.standin import sdk_types
from engine.standin.values import is_asset, is_unknown, plain


class Failure(NamedTuple):
    """A property of the inputs that is refused: its path, such as ``template.containers[0].image``, and why."""

    property: str
    reason: str


def failures(token: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """Everything that the provider of ``token`` would refuse in ``inputs``; none if it is an acceptable resource.

    ``inputs`` are as the engine sends them (engine/standin/values.py). A type that no installed SDK has is one failure.
    """
    try:
        properties = sdk_types.inputs(token)
    except LookupError as error:
        return [Failure("", str(error.args[0]))]
    given = {key: value for key, value in inputs.items() if not key.startswith("__")}  # a provider's own marks
    return list(_object(token.partition(":")[0], "", plain(given), properties))


def _object(
    package: str, path: str, value: Mapping[str, Any], properties: Mapping[str, sdk_types.Property]
) -> Iterator[Failure]:
    """Failures of an object: properties that do not exist, that are missing, and those of each value."""
    prefix = f"{path}." if path else ""
    for name in value.keys() - properties.keys():
        (*close,) = get_close_matches(name, properties, n=1)
        known = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(properties)) or 'none'}"
        yield Failure(prefix + name, f"there is no property {name!r}; {known}")
    for name, declared in properties.items():
        if value.get(name) is not None:
            yield from _value(package, prefix + name, value[name], declared.alternatives, declared.documentation)
        elif declared.required:
            yield Failure(prefix + name, f"required property {name!r} is missing")


def _value(
    package: str, path: str, value: Any, alternatives: Sequence[Any], documentation: str = ""
) -> Iterator[Failure]:
    """Failures of one value that must match one of several types; of several objects, the nearest one's count."""
    if is_unknown(value):
        return
    found: list[list[Failure]] = []
    for alternative in alternatives:
        failed = list(_one(package, path, value, alternative))
        if not failed:
            if isinstance(value, str) and (allowed := _allowed(package, alternatives, documentation)):
                yield from _member(package, path, value, allowed)
            return
        found.append(failed)
    if found:
        # The deepest complaint belongs to the alternative that was meant.
        yield from min(found, key=lambda failed: (-max(one.property.count(".") for one in failed), len(failed)))


def _one(package: str, path: str, value: Any, expected: Any) -> Iterator[Failure]:
    """Failures of one value that must have one type."""
    origin = typing.get_origin(expected)
    arguments = typing.get_args(expected)
    if expected is Any:
        return
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            yield Failure(path, f"{value!r} is not an object")
            return
        for key, entry in cast(dict[str, Any], value).items():
            yield from _value(package, f"{path}.{key}", entry, sdk_types.alternatives(arguments[1]))
    elif origin is not None and issubclass(origin, Sequence):
        if not isinstance(value, list):
            yield Failure(path, f"{value!r} is not a list")
            return
        for index, entry in enumerate(cast(list[Any], value)):
            yield from _value(package, f"{path}[{index}]", entry, sdk_types.alternatives(arguments[0]))
    elif isinstance(expected, type) and (reason := _mismatch(value, expected)):
        yield Failure(path, f"{value!r} is {reason}")
    elif isinstance(expected, type) and issubclass(expected, Enum):
        yield from _member(package, path, value, [member.value for member in expected])
    elif isinstance(expected, type) and isinstance(value, dict) and not is_asset(value):
        yield from _object(package, path, cast(dict[str, Any], value), sdk_types.properties(expected))


def _is_number(value: Any) -> bool:
    """Whether ``value`` is a number; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


_SCALARS: Mapping[type, tuple[str, Callable[[Any], bool]]] = {
    str: ("not a text", lambda value: isinstance(value, str)),
    bool: ("neither true nor false", lambda value: isinstance(value, bool)),
    float: ("not a number", _is_number),
    int: ("not a whole number", lambda value: _is_number(value) and value == int(value)),
    pulumi.Asset: ("not an asset", is_asset),
    pulumi.Archive: ("not an archive", is_asset),
}


def _mismatch(value: Any, expected: type) -> str | None:
    """Why ``value`` cannot be an ``expected``; an enumeration is looked into by its members, an object by its keys."""
    if expected in _SCALARS:
        reason, matches = _SCALARS[expected]
        return None if matches(value) else reason
    if issubclass(expected, Enum):
        return None if isinstance(value, str | int | float) else "not one of an enumeration"
    if sdk_types.properties(expected):
        return None if isinstance(value, dict) else "not an object"
    return None


def _member(package: str, path: str, value: Any, allowed: Iterable[Any]) -> Iterator[Failure]:
    """A failure if ``value`` is not in the enumeration.

    Azure compares without regard to case and takes a combination, such as ``Logging, Metrics``, where flags are meant.
    """
    allowed = list(allowed)
    if package == "azure-native" and isinstance(value, str):
        folded = {str(one).casefold() for one in allowed}
        parts = [part.strip().casefold() for part in value.split(",")]
        if value.casefold() in folded or all(part in folded for part in parts):
            return
    elif value in allowed:
        return
    yield Failure(path, f"{value!r} is not one of {', '.join(map(str, allowed))}")


_LISTED = {
    # Written by the generator of the provider from the list that it validates against.
    "gcp": re.compile(r"Possible values are: ((?:`[^`]+`(?:, )?)+)\."),
    # Written by hand: taken only where it is the one such sentence of a property and lists plain values.
    "aws": re.compile(
        r"(?:[Vv]alid values(?: are)?|[Mm]ust be one of|One of):? ((?:`[^`]+`(?:, and |, or |, | and | or )?)+)\."
    ),
}


_NONE_OF_THEM = 'an empty string value (`""`) is also supported'
"""What the SDK of Google says where a text may also be empty."""


_CONFUSED = {"ConditionOperator"}
"""Enumerations whose name two APIs share: the SDK has one class with the members of one, ``gt``, and the other,
that of scheduled query rules, takes ``GreaterThan``."""


def _allowed(package: str, alternatives: Sequence[Any], documentation: str) -> list[Any] | None:
    """The values that a text may have where the SDK types it loosely; None where anything may stand.

    Azure's services refuse what is not in an enumeration that the SDK types as text-or-enumeration, since the API's
    version is fixed; those named ``Known…`` are examples, and some are another API's. The SDKs of AWS and Google have
    texts, and list the values in the documentation.
    """
    if package == "azure-native":
        enumerations = [one for one in alternatives if isinstance(one, type) and issubclass(one, Enum)]
        closed = [one for one in enumerations if not one.__name__.startswith("Known") and one.__name__ not in _CONFUSED]
        return [member.value for one in closed for member in one] if closed == enumerations else None
    pattern = _LISTED.get(package)
    sentence = " ".join(documentation.split())
    match = pattern.search(sentence) if pattern else None
    if match is None or (package == "aws" and len(re.findall(r"\bvalid\b|\bone of\b", sentence, re.IGNORECASE)) > 1):
        return None
    allowed = [value.strip('"') for value in re.findall(r"`([^`]+)`", match[1])]
    return [*allowed, ""] if _NONE_OF_THEM in sentence else allowed
