"""What a program registered, as plain values, and how a test selects from it.

A selection that finds nothing fails the test, so that no assertion is skipped.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pulumi


class _Unknown:
    """The value of an output that is not known in a preview."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Any = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the state keeps encrypted."""

    value: Any


@dataclass(frozen=True)
class Registered:
    """A resource as the engine was asked for it; ``inputs`` have the provider's camelCase names."""

    type: str
    name: str
    urn: str
    parent: str
    custom: bool
    inputs: dict[str, Any]
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    dependencies: tuple[str, ...]
    ignore_changes: tuple[str, ...]
    aliases: tuple[str, ...]
    resource_class: type[pulumi.Resource] | None

    @property
    def taggable(self) -> str | None:
        """The input that takes tags or labels, or None.

        On Google's resources ``tags`` are network tags or bindings, and what a build puts on an image is its content.
        """
        initializer = getattr(self.resource_class, "_internal_init", None)
        names = inspect.signature(initializer).parameters if initializer else {}
        package = self.type.partition(":")[0]
        inputs = {"user_labels": "userLabels", "labels": "labels"}
        if package == "docker-build":
            inputs = {}
        elif package != "gcp":
            inputs = {"tags": "tags", **inputs}
        return next((inputs[name] for name in inputs if name in names), None)


@dataclass
class Run:
    """What one run of a program did."""

    preview: bool
    resources: list[Registered] = field(default_factory=list[Registered])
    component_outputs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    outputs: dict[str, Any] = field(default_factory=dict[str, Any])
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    messages: list[str] = field(default_factory=list[str])

    def of(self, type_: str) -> list[Registered]:
        """The resources whose type token ends in ``type_``; at least one, or the test fails."""
        found = [resource for resource in self.resources if resource.type.endswith(type_)]
        assert found, f"no {type_} among {sorted({resource.type for resource in self.resources})}"
        return found

    def one(self, type_: str, name: str = "") -> Registered:
        """The only resource of this type whose name contains ``name``."""
        found = [resource for resource in self.of(type_) if name in resource.name]
        assert len(found) == 1, f"{len(found)} resources of type {type_} with {name!r} in the name, not one"
        return found[0]

    def none(self, type_: str) -> None:
        """Check that nothing of this type was registered, in a program that registered something."""
        assert self.resources
        assert not [resource.urn for resource in self.resources if resource.type.endswith(type_)]

    def by_urn(self, urn: str) -> Registered:
        """The resource with this URN."""
        return next(resource for resource in self.resources if resource.urn == urn)

    def ancestors(self, resource: Registered) -> Iterator[Registered]:
        """The parents of a resource, nearest first, the stack left out."""
        known = {other.urn: other for other in self.resources}
        while (parent := known.get(resource.parent)) is not None:
            yield parent
            resource = parent
