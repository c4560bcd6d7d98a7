"""What each cloud's Python SDK says of a resource type: its inputs, their types, and its outputs.

The SDKs are generated from the schemas of the providers, so they are the nearest thing to the providers themselves
that a machine without them has. Only the submodule of a type that is asked for is imported.
"""

from __future__ import annotations

import inspect
import keyword
import re
import sys
import threading
import typing
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import NoneType, UnionType
from typing import Any, Union, cast

import pulumi
from pulumi.type_token import get_type_token


class _Repeated:
    """What ``Output[T]`` in ``pulumi.Input`` holds: ``Input[X]`` leaves its T open, but names X itself beside it."""


_FORWARD = {"Output": pulumi.Output, "T": _Repeated}
_IMPORTING = threading.RLock()
"""The SDKs' lazy modules are half there while another thread imports them."""
_API_VERSION = re.compile(r"/v\d{8}\w*(?=:)")


@dataclass(frozen=True)
class Property:
    """One property of a resource or of a nested object, under the provider's camelCase name."""

    name: str
    alternatives: tuple[Any, ...]
    """The types that a value may have: without None, outputs and the dictionary twins of argument classes."""
    required: bool
    documentation: str


def current(token: str) -> str:
    """The token without the API version that one of azure-native may carry."""
    return _API_VERSION.sub("", token)


@cache
def resource_class(token: str) -> type[pulumi.CustomResource]:
    """The class of a token such as ``aws:ecs/service:Service``; a LookupError says that no installed SDK has it."""
    package, module, name = current(token).split(":")
    parts = [f"pulumi_{package.replace('-', '_')}", *module.split("/")[:1]]
    if parts[1] == "index":
        del parts[1]
    parts = [part + "_" if keyword.iskeyword(part) else part for part in parts]
    try:
        with _IMPORTING:
            found = getattr(import_module(".".join(parts)), name, None)
    except ModuleNotFoundError as error:
        raise LookupError(f"{token}: there is no module {error.name}; is the SDK of {package} installed?") from error
    if found is None or get_type_token(found) != current(token):
        raise LookupError(f"{token}: {'.'.join(parts)} has no such resource type")
    return found


@cache
def documentation(token: str) -> str:
    """What the SDK says of a resource type as a whole."""
    first, *_ = typing.get_overloads(resource_class(token).__init__)
    return inspect.getdoc(first) or ""


@cache
def inputs(token: str) -> Mapping[str, Property]:
    """The inputs of a resource type by name."""
    cls = resource_class(token)
    arguments, _ = cast(list[str], sys.modules[cls.__module__].__all__)
    return properties(getattr(sys.modules[cls.__module__], arguments))


@cache
def outputs(token: str) -> Mapping[str, Property]:
    """The outputs of a resource type by name, those that echo an input among them."""
    return properties(resource_class(token))


@cache
def properties(cls: type) -> Mapping[str, Property]:
    """The properties that an SDK's class declares: a resource, its arguments, or a nested object of either side."""
    namespace = vars(sys.modules[cls.__module__])
    found: dict[str, Property] = {}
    for _, member in inspect.getmembers(cls, lambda member: isinstance(member, property)):
        getter = cast(property, member).fget
        name = getattr(getter, "_pulumi_name", None)
        if getter is None or name is None:
            continue
        with _IMPORTING:
            annotation = typing.get_type_hints(getter, namespace, _FORWARD).get("return", Any)
        members = alternatives(annotation)
        found[name] = Property(
            name=name,
            alternatives=tuple(member for member in members if member is not NoneType),
            required=NoneType not in members,
            documentation=inspect.getdoc(getter) or "",
        )
    return found


def alternatives(annotation: Any) -> list[Any]:
    """The members of a union, NoneType among them where nothing may stand there; what may come later is unwrapped."""
    origin = typing.get_origin(annotation)
    if origin in (Union, UnionType):
        found = [one for member in typing.get_args(annotation) for one in alternatives(member)]
        return list(dict.fromkeys(found))
    if origin in (pulumi.Output, Awaitable):
        (inner,) = typing.get_args(annotation)
        return alternatives(inner)
    if annotation is _Repeated or typing.is_typeddict(annotation):
        return []
    return [annotation]


def camel_case(name: str) -> str:
    """``repository_id``, as documentation writes a property, as ``repositoryId``."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
