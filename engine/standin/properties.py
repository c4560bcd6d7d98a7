"""Property values between the engine's wire form and plain Python, and how two sets of them differ.

Plain values are what JSON has: whole numbers are ``int``; a value that is not known yet is the text ``UNKNOWN``,
wherever it stands. Secrets do not occur in what the engine sends (``provider.py`` says why).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Literal, NamedTuple, cast

from google.protobuf import json_format, struct_pb2

from engine.standin.values import UNKNOWN

_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")


class Difference(NamedTuple):
    """A property path (``template.containers[0].image``) and what happened there."""

    path: str
    kind: Literal["ADD", "DELETE", "UPDATE"]

    @property
    def property(self) -> str:
        """The top-level property."""
        return re.split(r"[.\[]", self.path, maxsplit=1)[0]

    def within(self, path: str) -> bool:
        """Whether this lies at or under ``path``, or is a whole that ``path`` is a part of."""
        return self.path == path or _under(self.path, path) or _under(path, self.path)


def decode(struct: struct_pb2.Struct) -> dict[str, Any]:
    """What the engine sent, as plain values."""
    return _whole(json_format.MessageToDict(struct))


def encode(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Plain values (or secrets in their wire form) for the engine."""
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def differences(old: Any, new: Any, path: str = "") -> Iterator[Difference]:
    """Where ``new`` is not ``old``; an absent property and a null are the same."""
    if old == new:
        return
    if old is None or new is None:
        yield Difference(path, "ADD" if old is None else "DELETE")
    elif isinstance(old, dict) and isinstance(new, dict):
        before, after = cast(dict[str, Any], old), cast(dict[str, Any], new)
        for key in {**before, **after}:
            yield from differences(before.get(key), after.get(key), _member(path, key))
    elif isinstance(old, list) and isinstance(new, list):
        before, after = cast(list[Any], old), cast(list[Any], new)
        for index, (one, other) in enumerate(zip_longest(before, after)):
            yield from differences(one, other, f"{path}[{index}]")
    else:
        yield Difference(path, "UPDATE")


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in ``value`` that is known, with its path."""
    if isinstance(value, dict):
        for key, entry in cast(dict[str, Any], value).items():
            yield from texts(entry, _member(path, key))
    elif isinstance(value, list):
        for index, entry in enumerate(cast(list[Any], value)):
            yield from texts(entry, f"{path}[{index}]")
    elif isinstance(value, str) and value != UNKNOWN:
        yield path, value


def _whole(value: Any) -> Any:
    """The wire has one type of number; whole ones are integers to whoever reads them."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(entry) for key, entry in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_whole(entry) for entry in cast(list[Any], value)]
    return value


def _member(path: str, key: str) -> str:
    """The path of a member; a key that is no identifier is quoted."""
    if not _IDENTIFIER.fullmatch(key):
        return f"{path}[{json.dumps(key)}]"
    return f"{path}.{key}" if path else key


def _under(path: str, parent: str) -> bool:
    """Whether ``path`` is a part of ``parent``."""
    return path.startswith((f"{parent}.", f"{parent}["))
