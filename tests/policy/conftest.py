"""How a rule is asked: with a resource's inputs as the engine passes them, without the CLI.

Inputs whose names the provider's SDK does not know fail the test, so that no rule is tested against a misspelt name.
The names are read from the SDK's source: importing the cloud SDKs would take longer than all tests here together.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from pulumi_policy import PolicyCustomTimeouts, PolicyResourceOptions, ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.deserialize import deserialize_properties
from pulumi_policy.proxy import unknown_checking_proxy

GETTER = re.compile(
    r'@pulumi\.getter(?:\(name="(?P<name>\w+)"\))?\n(?:\s+@\S*deprecated\(.*\)\n)?'
    r"\s+def (?P<plain>\w+)\(self\) -> (?P<type>.*):"
)


def _judge(
    rule: ResourceValidationPolicy,
    kind: str,
    inputs: dict[str, Any],
    *,
    stack: str = "aws-dev",
    protect: bool = False,
    config: dict[str, Any] | None = None,
    violations: list[str] | None = None,
    from_sdk: bool = False,
) -> list[str]:
    """The violations of one resource, its ``inputs`` wrapped as the policy SDK wraps them.

    An UnknownValueError of the rule goes through, as the engine sees it too; ``violations`` then holds what was
    reported before. Inputs that come ``from_sdk`` itself bear its names and are not checked for them.
    """
    plain = deserialize_properties(inputs)
    if not from_sdk and _package(kind):
        _check_names(_fields(kind), kind, plain)
    found = [] if violations is None else violations
    props = unknown_checking_proxy(plain)
    options = PolicyResourceOptions(protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])
    urn = f"urn:pulumi:{stack}::mlplatform::{kind}::it"
    args = ResourceValidationArgs(kind, props, urn, "it", options, None, config)

    def report(message: str, urn: str | None = None) -> None:
        assert urn is None, "the engine takes the judged resource's own URN"
        found.append(message)

    rule.validate(args, report)
    return found


def _check_names(fields: Mapping[str, str], place: str, inputs: Mapping[str, Any]) -> None:
    """Fail for an input, at any depth, that the SDK does not know; ``fields`` maps names to annotations."""
    for name, value in inputs.items():
        assert name in fields, f"{place} has no input {name}; it has {', '.join(sorted(fields))}"
        nested = _nested(fields[name])
        for element in cast(list[Any], value) if isinstance(value, list) else [value]:
            if nested and isinstance(element, Mapping) and len(element) > 0 and "Mapping[" not in fields[name]:
                _check_names(nested, f"{place}.{name}", cast(Mapping[str, Any], element))


def _package(kind: str) -> Path | None:
    """The folder of the SDK of a type's provider; None for components and for resources of the program's own."""
    spec = importlib.util.find_spec("pulumi_" + kind.partition(":")[0].replace("-", "_"))
    return Path(spec.origin).parent if spec and spec.origin else None


@cache
def _fields(kind: str) -> dict[str, str]:
    """The inputs of a resource type, e.g. ``aws:s3/bucket:Bucket``: name → annotation with the file of its classes."""
    _, module, name = kind.split(":")
    package = _package(kind)
    assert package, f"{kind}: no SDK of that provider is installed"
    folder = package / module.partition("/")[0].replace("index", ".")
    stem = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    source = _source(folder / f"{stem}.py")
    assert f"'{kind}'" in source, f"{kind} is no resource type of {package.name}"
    found = re.search(r"^class \w*Args:.*?(?=^@|^class )", source, re.M | re.S)
    return _getters(found.group(), folder) if found else {}


@cache
def _nested(annotation: str) -> dict[str, str]:
    """The fields of the classes that an annotation names, all of them in a union; none if it names plain types."""
    types, _, folder = annotation.partition(" # ")
    fields: dict[str, str] = {}
    for name in re.findall(r"'(?:_inputs\.)?(\w+Args)'", types):
        source = _source(Path(folder) / "_inputs.py")
        if body := re.search(rf"^class {name}:.*?(?=^@|^class |\Z)", source, re.M | re.S):
            fields |= _getters(body.group(), Path(folder))
    return fields


def _getters(body: str, folder: Path) -> dict[str, str]:
    """The properties of a class by the names that the provider knows; annotations carry the folder as a comment."""
    return {found["name"] or found["plain"]: f"{found['type']} # {folder}" for found in GETTER.finditer(body)}


@cache
def _source(file: Path) -> str:
    """The text of a file of the SDK."""
    return file.read_text(encoding="utf-8")


def _names(kind: str, path: str = "") -> set[str]:
    """The names of the inputs at ``path`` of a resource type."""
    fields = _fields(kind)
    for step in path.split(".") if path else []:
        if step != "*":
            assert step in fields, f"{kind} has no {path}: no {step} among {', '.join(sorted(fields))}"
            fields = _nested(fields[step])
    return set(fields)


@pytest.fixture(scope="session")
def judge() -> Callable[..., list[str]]:
    """``judge(rule, type, inputs, …)`` → the violations' messages; see ``_judge`` for the rest."""
    return _judge


@pytest.fixture(scope="session")
def input_names() -> Callable[..., set[str]]:
    """``input_names(type, path="")`` → the inputs that the provider's SDK knows there."""
    return _names
