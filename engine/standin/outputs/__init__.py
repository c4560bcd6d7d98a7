"""What a cloud answers: the outputs of its resources, and the results of its functions.

All are functions of what they are given: the same resource (its seed says which) has the same addresses after an
update, and another has others.
"""

from __future__ import annotations

import enum
import typing
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from engine.standin import sdk_types
from engine.standin.outputs.templates import TIME, Filling, Template
from engine.standin.values import plain


class Package(Protocol):
    """What ``outputs/<cloud>.py`` knows of its package."""

    def facts(self, configuration: Mapping[str, Any]) -> Mapping[str, str]:
        """What all resources of the account have in common; ``configuration`` is the provider's."""
        ...

    def outputs(self, token: str, inputs: Mapping[str, Any]) -> Mapping[str, Template]:
        """What the cloud adds to a resource of this type, ``id`` first."""
        ...

    def address(self, token: str) -> list[str]:
        """The inputs that make up the id."""
        ...

    def autoname(self, token: str) -> str | None:
        """The input that the provider fills in when the program gives no physical name."""
        ...

    def answer(self, token: str, args: Mapping[str, Any], facts: Mapping[str, str]) -> dict[str, Any]:
        """The result of a function; LookupError where it is not known."""
        ...


_EMPTY: Mapping[tuple[Any, ...], Any] = {(str,): "", (bool,): False, (int,): 0, (float,): 0}
"""What an input has that nobody gave; lists and objects are absent then."""
_PACKAGES = {"aws": "aws", "azure-native": "azure", "gcp": "gcp", "docker": "docker", "docker-build": "docker"}


def computed(
    package: str,
    token: str,
    urn: str,
    name: str,
    inputs: Mapping[str, Any],
    seed: str,
    configuration: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """All outputs of a resource under their camelCase names, and its ``id``.

    ``name`` is the one in the program, ``urn`` makes it unique. ``seed`` (hexadecimal digits) stands for the choices
    of the cloud: one per creation, the same for updates. A text that would hold something not known yet is UNKNOWN.
    """
    token = sdk_types.current(token)
    cloud = _package(package)
    given = {key: value for key, value in plain(dict(inputs)).items() if not key.startswith("__")}
    filling = Filling(name, given, cloud.facts(configuration or {}), f"{seed} {urn}")
    filling.fill(cloud.outputs(token, given))
    asked = sdk_types.inputs(token)
    defaults = {
        key: _EMPTY.get(declared.alternatives[:1]) if key in asked else default(declared, name)
        for key, declared in sdk_types.outputs(token).items()
        if declared.required and key not in ("id", "urn")
    }
    return {**defaults, **given, **filling.outputs}


def address(token: str) -> list[str]:
    """The inputs that make up a resource's id: another value is another resource."""
    return _package(token.partition(":")[0]).address(sdk_types.current(token))


def autoname(token: str) -> str | None:
    """The input that the provider names by itself where the program does not, such as ``name``; None for no such."""
    return _package(token.partition(":")[0]).autoname(sdk_types.current(token))


def answer(
    package: str, token: str, args: Mapping[str, Any], configuration: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The result of a function call. Raises LookupError for one that no program of ours makes."""
    cloud = _package(package)
    return cloud.answer(token, plain(dict(args)), cloud.facts(configuration or {}))


def default(declared: sdk_types.Property, name: str, within: tuple[type, ...] = ()) -> Any:
    """A value of the declared type: texts tell whose they are, lists and maps are empty, objects have what they must.

    An object that contains itself ends at the second.
    """
    expected = declared.alternatives[0] if declared.alternatives else str
    origin = typing.get_origin(expected)
    if expected is bool:
        return False
    if expected in (int, float):
        return 0
    if origin is not None and issubclass(origin, Mapping):
        return {}
    if origin is not None and issubclass(origin, Sequence):
        return []
    if isinstance(expected, type) and issubclass(expected, enum.Enum):
        return next(iter(expected)).value
    if isinstance(expected, type) and expected is not str and expected not in within:
        members = sdk_types.properties(expected)
        return {key: default(member, name, (*within, expected)) for key, member in members.items() if member.required}
    time = declared.name.endswith(("Time", "Timestamp", "Date", "At", "On"))
    return TIME if time else f"{name}-{declared.name}"


def _package(package: str) -> Package:
    try:
        return cast(Package, import_module(f"{__name__}.{_PACKAGES[package]}"))
    except KeyError:
        raise LookupError(f"the stand-in has no package {package!r}; it has {', '.join(_PACKAGES)}") from None
