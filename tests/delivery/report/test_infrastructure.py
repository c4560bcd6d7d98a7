"""What the report says of plans, as the engine printed them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from delivery.report.infrastructure import infrastructure_section
from delivery.report.markdown import render
from engine.plan import Finding, Plan, Step, read

PREVIEWS = Path(__file__).parents[2] / "engine" / "commands" / "previews"
URN = "urn:pulumi:{stack}::p::x:y:{kind}::{name}"


def plan(name: str) -> Plan:
    """A plan that an engine made."""
    return read((PREVIEWS / f"{name}.json").read_text())


def told(*plans: Plan) -> str:
    """The section as text."""
    return render([infrastructure_section(plans)])


def step(op: str, name: str, *, stack: str = "s", holds_data: bool = False, changed: tuple[str, ...] = ()) -> Step:
    """A made-up step."""
    return Step(op, URN.format(stack=stack, kind="Thing", name=name), holds_data, holds_data, (), changed)


def resources(text: str) -> list[str]:
    """The names in the table, in its order."""
    return [line.split("::")[1].split("`")[0] for line in text.splitlines() if "::" in line and line.startswith("|")]


def test_lost_data_stands_first_and_is_counted() -> None:
    text = told(plan("protected_in_both"))
    assert resources(text)[:2] == ["log", "bucket"]
    assert "| **delete** ⚠️ holds data | `pulumi-python:dynamic:Resource::log` |  |" in text
    assert "| **replace** ⚠️ holds data | `pulumi-python:dynamic:Resource::bucket` | `name` |" in text
    assert "⚠️ **2 of these hold data, which would be lost;**" in text


def test_dangerous_steps_come_before_harmless_ones() -> None:
    ops = ["create", "update", "same", "replace", "delete", "read"]
    steps = [step(op, op) for op in ops] + [step("update", "kept", holds_data=True)]
    text = told(Plan(steps))
    assert resources(text) == ["delete", "replace", "kept", "update", "create"]
    assert "1 **delete**, 1 **replace**, 2 update, 1 create." in text
    assert "hold data" not in text, "a change in place loses nothing"


def test_the_stack_to_look_at_first_stands_first() -> None:
    violated = [Finding("tls", "", "no", True)]
    plans = [
        Plan([step("create", "a", stack="harmless")], findings=[]),
        Plan([step("delete", "b", stack="losing")], findings=[]),
        Plan([step("update", "c", stack="violating")], findings=violated),
        Plan([step("replace", "d", stack="data", holds_data=True)], findings=[]),
    ]
    titles = [line.strip("# `") for line in told(*plans).splitlines() if line.startswith("### ")]
    assert titles == ["data", "violating", "losing", "harmless"]


def test_policies_that_refuse_are_told_and_those_that_cannot_judge_yet_are_counted() -> None:
    urn = URN.format(stack="s", kind="Bucket", name="b")
    findings = [Finding("no-public-storage", urn, "| anyone\nmay read", True), Finding("tls", urn, "unknown", False)]
    text = told(Plan([step("create", "b")], findings=findings))
    assert "**Policies: 1 violations.** 1 values are not known before the update" in text
    assert "| `no-public-storage` | `x:y:Bucket::b` | `¦ anyone may read` |" in text
    assert "Policies: no violation." in told(Plan([step("create", "b")], findings=[]))
    assert "Policies: not asked." in told(plan("changed_in_place"))


def test_a_plan_from_an_empty_state_says_so_and_lists_kinds() -> None:
    steps = [step("create", f"n{number}") for number in range(30)]
    text = told(Plan(steps, findings=[], from_empty_state=True))
    assert "what the stack is made of, not what would change" in text
    assert "| `x:y:Thing` | 30 |" in text
    assert "n1" not in text


def test_a_preview_that_failed_is_no_plan_without_changes() -> None:
    text = told(Plan([], errors=["error: preview failed"], findings=[]))
    assert "The preview failed:" in text
    assert "| `error: preview failed` |" in text


def test_a_change_names_the_properties_and_of_many_the_number() -> None:
    changed = tuple(f"p{number}" for number in range(8))
    assert "`p0`, `p1`, `p2`, `p3`, `p4` and 3 more" in told(Plan([step("update", "u", changed=changed)]))
    assert "Nothing changes." in told(Plan([step("same", "u")]))
    assert "No preview was given." in told()


@pytest.mark.parametrize("name", [path.stem for path in PREVIEWS.glob("*.json")])
def test_no_value_of_a_resource_stands_in_the_report(name: str) -> None:
    document = json.loads((PREVIEWS / f"{name}.json").read_text())
    for each in document["steps"]:
        each.setdefault("newState", {})["inputs"] = {"password": "hunter2"}
    assert "hunter2" not in told(read(json.dumps(document)))
