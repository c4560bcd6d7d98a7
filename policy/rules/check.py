"""How a rule is made: a table of resource types, each with checks of single properties.

A check judges each property by itself and says why it refuses it. A property that a preview does not know yet is
neither passed nor refused: everything else of the resource is judged first, then the SDK's ``UnknownValueError`` is
let through, which the engine shows as a warning. The update that follows knows the value and judges it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_policy import (
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    Severity,
)
from pulumi_policy.proxy import UnknownValueError

from .property import Property, show

Refusal = Callable[[Property, ResourceValidationArgs], str | None]


@dataclass(frozen=True)
class Check:
    """One property of a resource type, by ``path`` (see Property.select), and what speaks against its value.

    ``refuse`` returns the sentence that follows the resource's name (value, why, remedy), or None to pass.
    ``prod_only`` checks apply in production alone.
    """

    path: str
    refuse: Refusal
    prod_only: bool = False


Table = Mapping[str, Sequence[Check]]


def must_be(path: str, *allowed: Any, why: str, unset_is_fine: bool = False, prod_only: bool = False) -> Check:
    """A check that refuses every value but ``allowed``; ``unset_is_fine`` where the cloud's default is one of them."""

    def refuse(found: Property, _args: ResourceValidationArgs) -> str | None:
        if found.value in allowed or (unset_is_fine and not found.is_set):
            return None
        remedy = " or ".join(show(value) for value in allowed)
        return f"{found.path} is {show(found.value)}: {why}; set it to {remedy}"

    return Check(path, refuse, prod_only)


def must_be_set(path: str, why: str) -> Check:
    """A check that refuses a missing value; which one it is does not matter, so that it may be unknown yet."""
    return Check(path, lambda found, _args: None if found.is_set else f"{found.path} is not set: {why}; set it")


def resource_rule(
    name: str,
    description: str,
    table: Table,
    severity: Severity,
    config_schema: PolicyConfigSchema | None = None,
) -> ResourceValidationPolicy:
    """The policy that holds every resource to its type's checks; types that ``table`` does not list pass."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        unknown: UnknownValueError | None = None
        for check in table.get(args.resource_type, ()):
            for found in Property("", args.props).select(check.path):
                try:
                    if check.prod_only and not in_production(args):
                        continue
                    refusal = check.refuse(found, args)
                except UnknownValueError as error:
                    unknown = unknown or error
                    continue
                if refusal:
                    report(f"{args.name} ({args.resource_type}): {refusal}", None)
        if unknown:
            raise unknown

    return ResourceValidationPolicy(name, description, validate, severity=severity, config_schema=config_schema)


def in_production(args: ResourceValidationArgs) -> bool:
    """Whether the stack is a production one, by its name (``prod``, ``…-prod``) or by the resource's own tag.

    A URN starts with ``urn:pulumi:<stack>::<project>::``.
    """
    stack = args.urn.removeprefix("urn:pulumi:").split("::")[0]
    if stack == "prod" or stack.endswith("-prod"):
        return True
    inputs = Property("", args.props)
    return any(inputs.at(f"{tags}.environment").value == "prod" for tags in ("tags", "labels"))
