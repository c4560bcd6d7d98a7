"""Plans as `pulumi preview --json` printed them (engine 3.258, shortened), judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.plan import Plan, PlanError, keep, read

PREVIEWS = Path(__file__).with_name("previews")


def plan(name: str) -> Plan:
    """A plan that an engine made."""
    return read((PREVIEWS / f"{name}.json").read_text())


def names(found: Plan, *told: str) -> list[str]:
    """What is refused when ``told`` is named."""
    return [step.name for step in found.refused(told)]


@pytest.mark.parametrize("preview", ["protected_in_both", "protection_dropped", "stopped_at_protection"])
def test_what_holds_data_is_refused_and_stands_first(preview: str) -> None:
    found = plan(preview)
    assert names(found) == ["bucket", "log"]
    assert [step.name for step in found.losing][:2] == ["bucket", "log"]
    assert "free" in [step.name for step in found.losing]


def test_a_replacement_states_the_property_that_forces_it_and_a_deletion_none() -> None:
    bucket, log, *_ = plan("protected_in_both").losing
    assert (bucket.op, bucket.reasons) == ("replace", ("name",))
    assert (log.op, log.reasons) == ("delete", ())


@pytest.mark.parametrize(
    "name",
    [
        "bucket",
        "pulumi-python:dynamic:Resource::bucket",
        "urn:pulumi:t1::tiny::pulumi-python:dynamic:Resource::bucket",
    ],
)
def test_what_is_named_passes_and_nothing_else(name: str) -> None:
    found = plan("protected_in_both")
    assert names(found, name) == ["log"]
    assert names(found, name, "log") == []
    assert names(found, "buck", "free") == ["bucket", "log"]


def test_a_change_in_place_is_never_refused() -> None:
    found = plan("changed_in_place")
    assert "update" in [step.op for step in found.steps]
    assert names(found) == []


def step(urn: str, old: bool, new: bool | None) -> dict[str, object]:
    """A replacement, or with ``new`` None a deletion."""
    before: dict[str, object] = {"op": "delete" if new is None else "replace", "urn": urn, "oldState": {"protect": old}}
    return before if new is None else {**before, "newState": {"protect": new}}


def test_a_name_that_two_share_tells_neither() -> None:
    urns = ["urn:pulumi:s::p::a:b/c:D$x:y:Bucket::artifacts", "urn:pulumi:s::p::a:b/c:D$x:y:Key::artifacts"]
    found = read(json.dumps({"steps": [step(urn, True, True) for urn in urns]}))
    assert names(found, "artifacts") == ["artifacts", "artifacts"]
    assert [each.title for each in found.refused(["x:y:Key::artifacts"])] == ["x:y:Bucket::artifacts"]


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [(True, True, 1), (True, False, 1), (False, True, 1), (False, False, 0), (True, None, 1), (False, None, 0)],
)
def test_protection_counts_on_either_side(old: bool, new: bool | None, refused: int) -> None:
    found = read(json.dumps({"steps": [step("urn:pulumi:s::p::x:y:Bucket::b", old, new)]}))
    assert len(found.refused([])) == refused


def test_an_output_that_is_no_plan_is_not_taken_for_an_empty_one() -> None:
    for text in ("", "error: no", "[]", "{}"):
        with pytest.raises(PlanError, match="printed no plan"):
            read(text)


def event(policy: str, level: str) -> str:
    """A policy's finding as the engine logs it."""
    found = {
        "policyName": policy,
        "message": "told\n",
        "enforcementLevel": level,
        "resourceUrn": "urn:x",
        "color": "never",
    }
    return json.dumps({"sequence": 1, "policyEvent": found})


def test_what_policies_find_is_kept_with_the_plan_and_what_they_could_not_judge_is_no_violation() -> None:
    document = (PREVIEWS / "changed_in_place.json").read_text()
    assert read(document).findings is None, "nobody asked"
    events = "\n".join(
        [json.dumps({"sequence": 0, "stdoutEvent": {}}), event("tls", "mandatory"), event("s3", "advisory")]
    )
    kept = read(keep(document, events, from_empty_state=True))
    assert kept.findings
    assert [(each.policy, each.mandatory, each.message) for each in kept.findings] == [
        ("tls", True, "told"),
        ("s3", False, "told"),
    ]
    assert kept.from_empty_state
    assert kept.stack == "t1"
    assert kept.steps == read(document).steps
    with pytest.raises(PlanError, match="no event log"):
        keep(document, "no log", from_empty_state=False)
