"""What an update would do, read from ``pulumi preview --json``, what of it would lose data, and what policies find.

Whatever holds data carries ``protect``; the policy pack demands it. The engine refuses to delete such a resource, but
not where a program drops the flag together with the change that replaces it, nor after `pulumi state unprotect`. So a
step is judged by the flag on both sides, in the state and in the program.

The document says nothing of policies: their findings stand in the engine's event log, which ``keep`` adds to it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

LOSING = frozenset({"delete", "replace"})
"""The operations after which a resource is another one, or none. The plan states a replacement once, as ``replace``."""


class PlanError(Exception):
    """A preview whose output cannot be judged; the message says what was read."""


@dataclass(frozen=True)
class Step:
    """What happens to one resource.

    ``changed`` are the properties that differ, ``reasons`` those that force a replacement, where they are known.
    """

    op: str
    urn: str
    protected: bool
    holds_data: bool
    reasons: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

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


class Finding(msgspec.Struct, frozen=True):
    """What a policy says of a resource; not ``mandatory`` is also what it cannot judge before the update."""

    policy: str
    urn: str
    message: str
    mandatory: bool


@dataclass(frozen=True)
class Plan:
    """The steps of a preview, and the errors that it ended with.

    ``findings`` is None where nobody asked a policy pack. With ``from_empty_state`` the plan shows what the stack is
    made of, not what would change.
    """

    steps: Sequence[Step]
    errors: Sequence[str] = ()
    findings: Sequence[Finding] | None = None
    from_empty_state: bool = False

    @property
    def stack(self) -> str:
        """The stack's name, empty where the plan has no step."""
        return self.steps[0].urn.split(":")[2] if self.steps else ""

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
    diff_reasons: list[str] | None = None


class _Diagnostic(msgspec.Struct):
    """What the program or the engine said."""

    message: str
    severity: str = "info"


class _Kept(msgspec.Struct, rename="camel"):
    """What ``keep`` adds to the document."""

    findings: list[Finding]
    from_empty_state: bool


class _Preview(msgspec.Struct):
    """The whole document; a preview that failed at once has no steps."""

    steps: list[_Step]
    diagnostics: list[_Diagnostic] = []
    mlplatform: _Kept | None = None


class _PolicyEvent(msgspec.Struct, rename="camel"):
    """A policy's finding as the engine logs it."""

    policy_name: str
    message: str
    enforcement_level: str
    resource_urn: str = ""


class _Event(msgspec.Struct, rename="camel"):
    """A line of the engine's event log; most are of other kinds."""

    policy_event: _PolicyEvent | None = None


def read(text: str | bytes) -> Plan:
    """The plan in the output of ``pulumi preview --json``.

    Raises PlanError for anything else.
    """
    try:
        found = msgspec.json.decode(text, type=_Preview)
    except msgspec.MsgspecError as error:
        raise PlanError(f"pulumi preview --json printed no plan ({error})") from error
    kept = found.mlplatform
    return Plan(
        [_step(step) for step in found.steps],
        [said.message.strip() for said in found.diagnostics if said.severity == "error"],
        kept.findings if kept else None,
        kept.from_empty_state if kept else False,
    )


def keep(document: str | bytes, events: str | bytes, *, from_empty_state: bool) -> bytes:
    """The ``document`` of ``pulumi preview --json`` with the policies' findings in ``events``, the engine's event log.

    Raises PlanError where either is something else.
    """
    read(document)
    found: dict[str, Any] = msgspec.json.decode(document)
    try:
        said = [event.policy_event for event in msgspec.json.Decoder(_Event).decode_lines(events)]
    except msgspec.MsgspecError as error:
        raise PlanError(f"pulumi preview wrote no event log ({error})") from error
    findings = [
        Finding(each.policy_name, each.resource_urn, each.message.strip(), each.enforcement_level == "mandatory")
        for each in said
        if each is not None
    ]
    return msgspec.json.encode({**found, "mlplatform": _Kept(findings, from_empty_state)})


def title(urn: str) -> str:
    """``type::name`` of a resource, without the types of its parents."""
    types, name = urn.split("::", 3)[2:]
    return f"{types.rpartition('$')[2]}::{name}"


def _step(step: _Step) -> Step:
    """One step, judged."""
    before = step.old_state is not None and step.old_state.protect
    after = step.new_state is not None and step.new_state.protect
    reasons, changed = tuple(step.replace_reasons or ()), tuple(step.diff_reasons or ())
    return Step(step.op, step.urn, before, before or after, reasons, changed)
