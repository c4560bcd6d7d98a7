"""The dashboards are what Grafana's SDK takes them for, say what they show, and ask for nothing that nobody exposes."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from observability.alerts import Watch
from observability.series import Series
from observability.slo import Availability, Latency, Quality, Slo

from .boards import NAMES, boards, expressions, panels

BOARDS = boards()
RULES = Watch(slo=Slo(), series=Series(), replicas=2).rules()
OF_PROMETHEUS = {"up", "ALERTS"}
WORDS = re.compile(r"[a-zA-Z_:][\w:]*(?=\s*[{\[])|\bservice:[\w:]+")
"""Metric names: what is selected from, and what is recorded."""


@pytest.fixture(params=NAMES)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each dashboard in turn."""
    return BOARDS[request.param]


def lost(before: object, after: object, path: str = "") -> list[str]:
    """Where ``before`` holds something that ``after`` does not."""
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast(dict[str, object], before), cast(dict[str, object], after)
        return [found for key in old for found in lost(old[key], new.get(key), f"{path}/{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(cast(list[object], before), cast(list[object], after), strict=True))
        return [found for index, (old, new) in pairs for found in lost(old, new, f"{path}/{index}")]
    return [] if before == after else [path]


def test_the_sdk_knows_everything_that_a_dashboard_holds(board: dict[str, Any]) -> None:
    register_default_plugins()
    assert lost(board, json.loads(JSONEncoder().encode(Dashboard.from_json(board)))) == []


def test_every_panel_says_what_it_shows_in_which_unit(board: dict[str, Any]) -> None:
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["type"] in ("table", "state-timeline") or panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_titles_are_unique_within_a_row(board: dict[str, Any]) -> None:
    titles: list[tuple[str, str]] = []
    row = ""
    for panel in board["panels"]:
        row = panel["title"] if panel["type"] == "row" else row
        titles.append((row, f"{panel['type']} {panel['title']}"))
    assert len(set(titles)) == len(titles)


def test_a_dashboard_can_be_imported_anywhere_under_an_address_of_its_own(board: dict[str, Any]) -> None:
    assert board["uid"] in {f"mlplatform-{name}" for name in NAMES}
    assert "datasource" in {variable["name"] for variable in board["templating"]["list"]}
    asking = [*panels(board), *(target for panel in panels(board) for target in panel["targets"])]
    asking += [variable for variable in board["templating"]["list"] if variable["type"] == "query"]
    assert {asked["datasource"]["uid"] for asked in asking} == {"${datasource}"}


def test_every_variable_that_is_asked_with_is_offered(board: dict[str, Any]) -> None:
    asked = " ".join(target["expr"] for panel in panels(board) for target in panel["targets"])
    offered = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r'=~"\$(\w+)"', asked))
    assert used <= offered
    assert offered - used == {"datasource", "runbooks"}


def test_panels_are_numbered_and_do_not_overlap(board: dict[str, Any]) -> None:
    assert [panel["id"] for panel in board["panels"]] == list(range(1, len(board["panels"]) + 1))
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"], (one, other)


def test_queries_of_a_panel_are_told_apart(board: dict[str, Any]) -> None:
    for panel in panels(board):
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == list("ABCDEFGHIJ"[: len(letters)])


def test_every_alert_has_a_panel_that_leads_to_its_runbook_and_no_panel_leads_elsewhere() -> None:
    linked = {link["url"] for board in BOARDS.values() for panel in panels(board) for link in panel.get("links", [])}
    assert linked == {f"${{runbooks}}/{alert.name}.md" for alert in RULES.alerts}


@pytest.mark.parametrize(
    ("board", "title", "expected"),
    [
        ("service", "Failed predictions by endpoint", [None, 0.01, 0.05]),
        ("service", "Single-row predictions", [None, 0.3, 0.6]),
        ("model", "Drift by feature", [None, 0.15, 0.3]),
        ("model", "Age", [None, 5 * 86400, 10 * 86400]),
        ("objectives", "Kept over 28 days", [None, 0.99]),
    ],
)
def test_limits_are_the_objectives(board: str, title: str, expected: list[float | None]) -> None:
    slo = Slo(
        window_days=28,
        availability=Availability(target=0.99),
        latency=Latency(threshold_seconds=0.3),
        quality=Quality(psi_limit=0.3),
        model_age_days=10,
    )
    panel = next(panel for panel in panels(boards(slo)[board]) if panel["title"] == title)
    steps = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
    assert steps == pytest.approx(expected)


def test_a_dashboard_asks_for_metrics_that_are_documented_or_recorded(board: dict[str, Any], repository: Path) -> None:
    documented = set(re.findall(r"^\| `(\w+)`", (repository / "docs/metrics.md").read_text(), re.MULTILINE))
    recorded = {rule.record for rule in RULES.recordings}
    for title, expr in expressions(board):
        names = {re.sub("_(bucket|count|sum)$", "", name) for name in WORDS.findall(expr)}
        assert names or expr.startswith("vector("), title
        assert names <= documented | recorded | OF_PROMETHEUS, title


@pytest.mark.prometheus
def test_every_query_is_promql(board: dict[str, Any], tmp_path: Path) -> None:
    asked = [{"record": f"panel:{index}", "expr": expr} for index, (_, expr) in enumerate(expressions(board))]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "panels", "rules": asked}]}))
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{len(asked)} rules found" in done.stdout
