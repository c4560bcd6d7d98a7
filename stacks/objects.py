"""Configuration objects as dataclasses, and the error that names a key."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast, get_args

import msgspec
import pulumi

Spec = TypeVar("Spec")


class ConfigError(pulumi.RunError):
    """A key of the stack's configuration that is missing or wrong; the message names key, value and fix."""


def convert(key: str, found: object, spec: type[Spec]) -> Spec:
    """``found`` as the dataclass ``spec``; an unknown, missing or wrong field is an error that names it."""
    values = _snake_case(key, found, spec)
    try:
        return msgspec.convert(values, spec)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        names = path.rstrip("`").split(".")
        found = _at(values, names)
        if found is not None:  # of the whole object only what is wrong: others may be private
            wrong = ".".join([full_key(key), *map(_camel_case, names)])
            raise ConfigError(f"{wrong} is {found!r}: {reason}") from error
        raise ConfigError(f"{full_key(key)}: {error}") from error


def _at(values: object, names: Sequence[str]) -> object:
    """The value below ``values`` under ``names``; None where that is a whole object, or a place in a list."""
    for name in names:
        values = cast(Mapping[str, object], values).get(name) if isinstance(values, Mapping) else None
    return None if isinstance(values, Mapping) else values


def _snake_case(key: str, found: object, spec: Any) -> object:
    """``found`` with the camelCase names of ``spec``'s fields turned into Python's, in nested dataclasses too."""
    spec = next((option for option in get_args(spec) if is_dataclass(option)), spec)
    if not is_dataclass(spec):
        return found
    if not isinstance(found, Mapping):
        raise ConfigError(f"{full_key(key)} is {found!r}; write an object")
    hints = typing.get_type_hints(spec)
    names = {_camel_case(field.name): field.name for field in fields(spec)}
    result: dict[str, object] = {}
    for name, value in cast(Mapping[str, object], found).items():
        if name not in names:
            raise ConfigError(f"{full_key(key)}.{name} is not a setting; choose from {', '.join(sorted(names))}")
        result[names[name]] = _snake_case(f"{key}.{name}", value, hints[names[name]])
    return result


def _camel_case(name: str) -> str:
    """``memory_mb`` → ``memoryMb``."""
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def full_key(key: str) -> str:
    """The key as ``pulumi config set`` takes it."""
    return f"{pulumi.get_project()}:{key}"
