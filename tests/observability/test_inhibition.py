"""Inhibition speaks of alerts that exist, and leaves of each incident one that is sent."""

from __future__ import annotations

import re
from itertools import permutations

from observability.alerts import Watch
from observability.inhibition import INHIBITIONS
from observability.series import Series
from observability.slo import Slo

ALERTS = {alert.name: alert for alert in Watch(slo=Slo(), series=Series(), replicas=1).rules().alerts}


def _names(matchers: list[str]) -> set[str]:
    """The alerts that a rule's one matcher matches, as an Alertmanager does: the whole name."""
    (matcher,) = matchers
    found = re.fullmatch(r'alertname=~"(.*)"', matcher)
    assert found, matcher
    return {name for name in ALERTS if re.fullmatch(found[1], name)}


PAIRS = [(_names(rule["source_matchers"]), _names(rule["target_matchers"])) for rule in INHIBITIONS]


def test_every_name_in_an_inhibition_is_an_alerts() -> None:
    for rule, (sources, targets) in zip(INHIBITIONS, PAIRS, strict=True):
        named = "|".join((*rule["source_matchers"], *rule["target_matchers"]))
        assert len(sources) + len(targets) == len(re.findall(r"[A-Z]\w+", named)), named


def test_only_what_pages_silences_and_nothing_silences_each_other() -> None:
    silenced = {(source, target) for sources, targets in PAIRS for source in sources for target in targets}
    assert {ALERTS[source].severity for source, _ in silenced} == {"page"}
    assert not {(one, other) for one, other in permutations(ALERTS, 2) if {(one, other), (other, one)} <= silenced}


def test_no_page_on_a_budget_is_ever_silenced() -> None:
    targets = {target for _, found in PAIRS for target in found}
    assert not [name for name in targets if "Budget" in name and ALERTS[name].severity == "page"]
    assert {name for name in ALERTS if name.endswith("BudgetBurnSlow")} <= targets
