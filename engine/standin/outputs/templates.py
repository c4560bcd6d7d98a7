"""Filling in what a cloud would answer: texts made of a resource's inputs, its earlier outputs and its own choices.

A template is a text such as ``arn:aws:ec2:{region}:{account}:vpc/{id}``. A name in braces is an output that stands
earlier in the same table, else an input, else a fact of the account; ``{hex17}``, ``{digits12}`` and ``{uuid}`` are
what the cloud makes up. They are derived from the resource's seed, so that they last over updates and differ after a
replacement.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast

from engine.standin.values import UNKNOWN, is_unknown

TIME = "2026-01-01T00:00:00Z"
"""When everything was created, since outputs are a function of what they are made from."""

_FIELD = re.compile(r"\{(\w+)\}")
_MADE_UP = re.compile(r"(hex|digits)(\d+)|uuid")


class Filling:
    """One resource whose outputs are being filled in."""

    def __init__(self, name: str, inputs: Mapping[str, Any], facts: Mapping[str, str], seed: str) -> None:
        self.name, self.inputs, self.facts, self.seed = name, inputs, facts, seed
        self.outputs: dict[str, Any] = {}

    def fill(self, table: Mapping[str, Template]) -> None:
        """Add the table's outputs, each of which may use those before it."""
        for key, template in table.items():
            self.outputs[key] = self.filled(key, template)

    def text(self, key: str) -> str:
        """What stands for ``{key}``; the resource's name in the program where nobody gave anything."""
        for source in (self.outputs, self.inputs, self.facts):
            if source.get(key) is not None:
                return str(source[key])
        return self.name

    def object(self, *keys: str) -> dict[str, Any]:
        """A nested object of the inputs; empty where it is absent or not known yet."""
        found: Any = self.inputs
        for key in keys:
            found = cast(dict[str, Any], found).get(key) if isinstance(found, dict) else None
        return cast(dict[str, Any], found) if isinstance(found, dict) else {}

    def list(self, key: str) -> list[Any]:
        """A list of the inputs; empty where it is absent or not known yet."""
        found = self.inputs.get(key)
        return cast(list[Any], found) if isinstance(found, list) else []

    def digest(self, value: Any) -> str:
        """64 hexadecimal digits that change with ``value``; UNKNOWN where a part of it is not known yet."""
        text = json.dumps(value, sort_keys=True)
        return UNKNOWN if UNKNOWN in text else hashlib.sha256(text.encode()).hexdigest()

    def made_up(self, kind: str, purpose: str) -> str:
        """What the cloud chose for ``purpose``: ``hex`` or ``digits`` with their number, or ``uuid``."""
        digest = hashlib.sha256(f"{self.seed} {purpose}".encode())
        if kind == "uuid":
            return str(uuid.UUID(bytes=digest.digest()[:16], version=4))
        if kind.startswith("hex"):
            return digest.hexdigest()[: int(kind.removeprefix("hex"))]
        length = int(kind.removeprefix("digits"))
        return str(10 ** (length - 1) + int(digest.hexdigest(), 16) % (9 * 10 ** (length - 1)))

    def filled(self, purpose: str, template: Template) -> Any:
        """A template's value; ``purpose`` tells apart what the cloud makes up."""
        if callable(template):
            return template(self)
        if isinstance(template, str):
            filled = _FIELD.sub(lambda field: self._field(field[1], purpose), template)
            return UNKNOWN if is_unknown(filled) else filled
        if isinstance(template, list):
            return [self.filled(f"{purpose}{index}", entry) for index, entry in enumerate(template)]
        if isinstance(template, dict):
            return {key: self.filled(f"{purpose}.{key}", entry) for key, entry in template.items()}
        return template

    def _field(self, field: str, purpose: str) -> str:
        return self.made_up(field, purpose) if _MADE_UP.fullmatch(field) else self.text(field)


Template = str | bool | int | None | list["Template"] | dict[str, "Template"] | Callable[[Filling], Any]
"""A text to fill in, a value of that shape, or what computes it."""
