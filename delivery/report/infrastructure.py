"""The second part of the report: what each stack's plan would do, the dangerous steps first, and what policies find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from delivery.report.markdown import Section, Table, code
from engine.plan import LOSING, Finding, Plan, Step, title

WORDS = {"delete": "**delete**", "replace": "**replace**", "update": "update", "import": "import", "create": "create"}
"""The operations that change something, the most dangerous first; a plan has others for what stays or is only read."""
_RANKS = list(WORDS)
MOST_REASONS = 5
"""So many properties are named per resource."""


def infrastructure_section(plans: Sequence[Plan]) -> Section:
    """The plans, those with the most dangerous steps first."""
    if not plans:
        return Section("Infrastructure", ["No preview was given."])
    parts: list[str | Table] = []
    for plan in sorted(plans, key=lambda plan: (-_danger(plan), plan.stack)):
        parts += _stack(plan)
    return Section("Infrastructure", parts)


def _danger(plan: Plan) -> int:
    """What to look at first: lost data before violated policies, failures and other replacements or deletions."""
    losing = plan.losing
    return 4 * any(step.holds_data for step in losing) + 2 * bool(_violations(plan) or plan.errors) + bool(losing)


def _stack(plan: Plan) -> list[str | Table]:
    counts = Counter(step.op for step in plan.steps if step.op in WORDS)
    summary = ", ".join(f"{counts[op]} {word}" for op, word in WORDS.items() if counts[op])
    parts: list[str | Table] = [f"### {code(plan.stack) if plan.stack else 'a stack without resources'}"]
    if plan.from_empty_state:
        parts.append(
            "*Planned from an empty state against a stand-in for the cloud: what the stack is made of, not what would "
            "change.*"
        )
    parts.append(f"{summary or 'Nothing changes'}.")
    if lost := sum(map(_loses_data, plan.steps)):
        parts.append(
            f"⚠️ **{lost} of these hold data, which would be lost;** `make up` refuses that until they are named."
        )
    if plan.errors:
        parts += ["The preview failed:", Table(["error"], [[code(error)] for error in plan.errors])]
    parts += _policies(plan)
    changing = [step for step in plan.steps if step.op in WORDS]
    if plan.from_empty_state:
        kinds = Counter(step.title.partition("::")[0] for step in changing)
        parts.append(Table(["type", "resources"], [[code(kind), str(count)] for kind, count in kinds.most_common()]))
    elif changing:
        parts.append(Table(["", "resource", "because of"], [_row(step) for step in sorted(changing, key=_order)]))
    return parts


def _loses_data(step: Step) -> bool:
    return step.holds_data and step.op in LOSING


def _order(step: Step) -> tuple[bool, int, str]:
    """Lost data first, then by operation."""
    return not _loses_data(step), _RANKS.index(step.op), step.title


def _row(step: Step) -> list[str]:
    reasons = step.reasons or step.changed
    more = f" and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    return [
        WORDS[step.op] + (" ⚠️ holds data" if _loses_data(step) else ""),
        code(step.title),
        ", ".join(code(reason) for reason in reasons[:MOST_REASONS]) + more,
    ]


def _policies(plan: Plan) -> list[str | Table]:
    if plan.findings is None:
        return ["Policies: not asked."]
    violations = _violations(plan)
    open_ = len(plan.findings) - len(violations)
    note = f" {open_} values are not known before the update, which judges them then." if open_ else ""
    if not violations:
        return [f"Policies: no violation.{note}"]
    rows = [[code(each.policy), code(title(each.urn) if each.urn else ""), code(each.message)] for each in violations]
    return [f"**Policies: {len(violations)} violations.**{note}", Table(["policy", "resource", "finding"], rows)]


def _violations(plan: Plan) -> list[Finding]:
    return [finding for finding in plan.findings or () if finding.mandatory]
