"""Rules for a faster time are the same rules with every duration divided."""

from __future__ import annotations

import json
import re

import pytest

from observability.alertmanager import configuration as alertmanager
from observability.alerts import Watch
from observability.rules import AlertRule, Rules
from observability.series import Series
from observability.slo import Slo

from .faster import configuration, expression, faster

RULES = Watch(slo=Slo(), series=Series(), replicas=2).rules()


@pytest.mark.parametrize(
    ("expr", "shorter"),
    [
        ("sum(rate(x[5m])) > 0.1", "sum(rate(x[30000ms])) > 0.1"),
        ("max_over_time((x > bool 0.2)[1d:5m])", "max_over_time((x > bool 0.2)[8640000ms:30000ms])"),
        ("x offset 1h30m > 5", "x offset 540000ms > 5"),
        ('x{window="[5m]",le="1"}', 'x{window="[5m]",le="1"}'),
        ("service:errors:ratio_5m > 5", "service:errors:ratio_5m > 5"),
    ],
)
def test_only_durations_change(expr: str, shorter: str) -> None:
    assert expression(expr, 10) == shorter


def test_every_range_of_the_rules_is_shorter() -> None:
    def ranges(rules: Rules) -> list[str]:
        text = " ".join(rule.expr for rule in (*rules.recordings, *rules.alerts))
        return re.findall(r"\[[^\]]+\]", text)

    found = ranges(faster(RULES, 15))
    assert len(found) == len(ranges(RULES)) > 50
    assert all(re.fullmatch(r"\[\d+ms(:\d+ms)?\]", text) for text in found)


def test_a_factor_of_one_leaves_holds_and_texts_as_they_are() -> None:
    def rest(rules: Rules) -> list[tuple[str, int, str, str, str]]:
        return [(rule.name, rule.hold_seconds, rule.severity, rule.description, rule.runbook) for rule in rules.alerts]

    assert rest(faster(RULES, 1)) == rest(RULES)
    assert {rule.hold_seconds for rule in faster(RULES, 15).alerts} == {
        rule.hold_seconds // 15 for rule in RULES.alerts
    }


def test_a_hold_that_cannot_be_divided_is_refused() -> None:
    alert = AlertRule(
        name="A", expr="x", hold_seconds=100, severity="page", summary="", description="", runbook="docs/A.md"
    )
    with pytest.raises(ValueError, match="the holds of A are no multiple of 15 s"):
        faster(Rules(alerts=(alert,)), 15)


def test_the_alertmanagers_waits_shrink_alike() -> None:
    slow, fast = json.loads(alertmanager([])), json.loads(configuration(alertmanager([]), 10))
    page, ticket = fast["route"]["routes"]
    assert (page["group_wait"], page["group_interval"], ticket["group_wait"]) == ("1000ms", "6000ms", "6000ms")
    assert fast["inhibit_rules"] == slow["inhibit_rules"]
