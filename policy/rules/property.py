"""Reading a resource's properties, some of which a preview does not know yet.

The engine passes properties under the provider's own camelCase names. An unknown one is wrapped by the policy SDK so
that reading it raises ``UnknownValueError``; a :class:`Property` keeps that error and raises it only when its value is
asked for, so that one unknown value never hides its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pulumi_policy.proxy import UnknownValueError


@dataclass(frozen=True)
class Property:
    """A value somewhere in a resource's inputs; ``path`` is its place as in ``template.containers[0].image``."""

    path: str
    _raw: Any

    @property
    def value(self) -> Any:
        """The value, or None where nothing is set. Raises UnknownValueError while a preview does not know it."""
        if isinstance(self._raw, UnknownValueError):
            raise self._raw
        return self._raw

    @property
    def is_set(self) -> bool:
        """Whether there is anything at all: a value that is not known yet is one, null and empty are none."""
        if isinstance(self._raw, (str, Sequence, Mapping)):
            return len(cast(Sequence[Any], self._raw)) > 0
        return self._raw is not None

    def first(self, wanted: Callable[[str], bool]) -> str | None:
        """The first text of this list (or this single text) that is ``wanted``, None without one.

        Raises UnknownValueError if no known text is wanted but one that is not known yet might be.
        """
        unknown: UnknownValueError | None = None
        single = isinstance(self._raw, (str, UnknownValueError))
        for element in [self] if single else self.select("*"):
            if isinstance(element._raw, UnknownValueError):
                unknown = element._raw
            elif element.is_set and wanted(plain(element.value)):
                return plain(element.value)
        if unknown:
            raise unknown
        return None

    def at(self, path: str) -> Property:
        """The one property at ``path`` below this one, e.g. ``configuration.ingress``."""
        return self.select(path)[0]

    def select(self, path: str) -> list[Property]:
        """Every property that ``path`` names below this one; ``*`` stands for each element of a list or a map.

        A text on the way is read as JSON, since AWS takes whole documents in one property. What lies below an
        unknown value is that unknown value.
        """
        found: list[Property] = [self]
        for step in path.split(".") if path else []:
            found = [child for parent in found for child in parent._children(step)]
        return found

    def _children(self, step: str) -> list[Property]:
        """The elements of this value if ``step`` is ``*``, else the one property of that name."""
        if isinstance(self._raw, UnknownValueError):
            return [self]
        content = _parsed(self._raw) if isinstance(self._raw, str) else self._raw
        if step == "*":
            keys = list(content) if isinstance(content, Mapping) else range(len(content or ()))
            return [Property(f"{self.path}[{key}]", _peek(content, key)) for key in keys]
        child = _peek(content, step) if isinstance(content, Mapping) else None
        return [Property(f"{self.path}.{step}" if self.path else step, child)]


def show(value: Any) -> str:
    """``value`` as it stands in a message, texts quoted."""
    if value is None:
        return "not set"
    return json.dumps(value) if isinstance(value, (str, bool)) else plain(value)


def plain(value: Any) -> str:
    """``value`` as text, whole numbers without the ``.0`` that gRPC gives them."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _peek(container: Any, key: Any) -> Any:
    """``container[key]``, None where it is absent, the error itself where it is unknown."""
    try:
        return container[key]
    except UnknownValueError as error:
        return error
    except KeyError:
        return None


def _parsed(text: str) -> Any:
    """The list or map that the JSON ``text`` holds; anything else becomes a list of the text itself, to be judged."""
    try:
        content: object = json.loads(text)
    except ValueError:
        return [text]
    return cast(Any, content) if isinstance(content, (list, dict)) else [text]
