"""What an update would do, read from ``pulumi preview --json``, and which of it would lose data.

Whatever holds data carries ``protect``; the policy pack demands it. The engine refuses to delete such a resource, but
not where a program drops the flag together with the change that replaces it, nor after `pulumi state unprotect`. So a
step is judged by the flag on both sides, in the state and in the program.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec

LOSING = frozenset({"delete", "replace"})
"""The operations after which a resource is another one, or none. The plan states a replacement once, as ``replace``."""


class PlanError(Exception):
    """A preview whose output cannot be judged; the message says what was read."""


@dataclass(frozen=True)
class Step:
    """What happens to one resource. ``reasons`` are the properties that force a replacement, where they are known."""

    op: str
    urn: str
    protected: bool
    holds_data: bool
    reasons: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name in the program."""
        return self.urn.split("::", 3)[3]

    @property
    def title(self) -> str:
        """``type::name``."""
        return title(self.urn)

    def is_called(self, name: str) -> bool:
        """Whether ``name`` means this resource: its name, its title, or the whole URN."""
        return name in (self.name, self.title, self.urn)


@dataclass(frozen=True)
class Plan:
    """The steps of a preview."""

    steps: Sequence[Step]

    @property
    def losing(self) -> list[Step]:
        """What would be deleted or replaced, first what holds data."""
        return sorted((step for step in self.steps if step.op in LOSING), key=lambda step: not step.holds_data)

    def refused(self, named: Collection[str]) -> list[Step]:
        """What would lose data without having been told by name. A name that two of them share tells neither."""
        losing = [step for step in self.losing if step.holds_data]
        told = {
            called[0].urn
            for name in named
            if len(called := [step for step in losing if step.is_called(name)]) == 1
        }  # fmt: skip
        return [step for step in losing if step.urn not in told]


class _State(msgspec.Struct):
    """A resource as the state or the program has it."""

    protect: bool = False


class _Step(msgspec.Struct, rename="camel"):
    """A step as Pulumi writes it; more fields than these are passed over."""

    op: str
    urn: str
    old_state: _State | None = None
    new_state: _State | None = None
    replace_reasons: list[str] | None = None


class _Preview(msgspec.Struct):
    """The whole document."""

    steps: list[_Step]


def read(text: str | bytes) -> Plan:
    """The plan in the output of ``pulumi preview --json``.

    Raises PlanError for anything else.
    """
    try:
        found = msgspec.json.decode(text, type=_Preview)
    except msgspec.MsgspecError as error:
        raise PlanError(f"pulumi preview --json printed no plan ({error})") from error
    return Plan([_step(step) for step in found.steps])


def title(urn: str) -> str:
    """``type::name`` of a resource, without the types of its parents."""
    types, name = urn.split("::", 3)[2:]
    return f"{types.rpartition('$')[2]}::{name}"


def _step(step: _Step) -> Step:
    """One step, judged."""
    before = step.old_state is not None and step.old_state.protect
    after = step.new_state is not None and step.new_state.protect
    return Step(step.op, step.urn, before, before or after, tuple(step.replace_reasons or ()))
