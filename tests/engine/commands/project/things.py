"""A kind of resource that exists in a state alone; its name forces a replacement, its size does not."""

from __future__ import annotations

import time
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult


class _Provider(ResourceProvider):
    """Makes nothing."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Take as many seconds as asked."""
        time.sleep(float(props["seconds"]))
        return CreateResult(f"id-{props['name']}", props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """A new name is another thing."""
        changed = [key for key in ("name", "size") if _olds[key] != _news[key]]
        return DiffResult(changes=bool(changed), replaces=[key for key in changed if key == "name"])

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Take over the new size."""
        return UpdateResult(_news)


class Thing(Resource):
    """Something that may hold data."""

    def __init__(
        self, resource: str, name: str, *, size: int = 1, seconds: float = 0, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(_Provider(), resource, {"name": name, "size": size, "seconds": seconds}, opts)
