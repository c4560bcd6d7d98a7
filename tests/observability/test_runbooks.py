"""Every alert has a runbook whose sections, queries, metrics, commands, settings and files exist."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from components.spec import JobSpec, ServiceSpec
from observability.alerts import Watch
from observability.series import Series
from observability.slo import Slo

from .runbooks import PAGES, queries, words

RULES = Watch(slo=Slo(), series=Series(), replicas=1).rules()
ALERTS = {rule.name for rule in RULES.alerts}
SECTIONS = ["What it means", "First look", "Likely causes", "Mitigate", "Over when"]
METRICS = re.compile(r"\b(?:api|model|release|process)_[a-z_]+|\bservice:[\w:]+")


@pytest.mark.parametrize("alert", sorted(ALERTS))
def test_an_alert_has_a_runbook_with_the_sections_that_one_needs_at_night(alert: str) -> None:
    assert alert in PAGES, f"write docs/runbooks/{alert}.md"
    title, *sections = re.split(r"^#+ (?=.*$)", PAGES[alert], flags=re.MULTILINE)[1:]
    assert title.strip() == alert
    assert [section.partition("\n")[0] for section in sections] == SECTIONS
    assert all(section.partition("\n")[2].strip() for section in sections)
    assert queries(PAGES[alert])


def test_no_runbook_outlives_its_alert() -> None:
    assert {name for name in PAGES if name[0].isupper()} == ALERTS


def test_the_links_from_an_alert_to_its_runbook_lead_to_a_page(repository: Path) -> None:
    for rule in RULES.alerts:
        assert (repository / rule.runbook).is_file()


@pytest.mark.parametrize("page", PAGES)
def test_a_runbook_names_metrics_that_are_documented(page: str, repository: Path) -> None:
    documented = set(re.findall(r"^\| `(\w+)`", (repository / "docs/metrics.md").read_text(), re.MULTILINE))
    for text in [*queries(PAGES[page]), *words(PAGES[page])]:
        named = {re.sub("_(bucket|count|sum)$", "", name) for name in METRICS.findall(text)}
        assert named <= documented


@pytest.mark.parametrize("page", PAGES)
def test_a_runbook_names_variables_targets_and_files_that_exist(page: str, repository: Path) -> None:
    settings = set(re.findall(r"^\| `([A-Z_]+)` ", (repository / "docs/settings.md").read_text(), re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):.*##", (repository / "Makefile").read_text(), re.MULTILINE))
    for text in words(PAGES[page]):
        assert set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
        if re.fullmatch(r"[A-Z]+(_[A-Z]+)*", text):
            assert text in settings | {"TMPDIR", "STACK"}
        if re.fullmatch(r"(training|docs|observability|components|stacks)/[\w./-]+", text):
            assert (repository / text).exists(), text


def keys(spec: Any, path: str) -> dict[str, Any]:
    """The configuration keys of ``spec`` and of what it holds, below ``path``, with their values."""
    found: dict[str, Any] = {}
    for field in fields(spec):
        head, *tail = field.name.split("_")
        key = f"{path}.{head}{''.join(part.capitalize() for part in tail)}"
        value = getattr(spec, field.name)
        found |= keys(value, key) if is_dataclass(value) else {key: value}
    return found


KEYS = keys(ServiceSpec(), "service") | keys(JobSpec(), "training") | keys(Slo(), "monitoring.slo")


@pytest.mark.parametrize("page", [*(f"runbooks/{page}" for page in PAGES), "slo"])
def test_a_page_names_configuration_keys_that_exist(page: str, repository: Path) -> None:
    text = (repository / "docs" / f"{page}.md").read_text()
    assert set(re.findall(r"\b(?:service|training|monitoring\.slo)\.[a-z][\w.]*\w(?=[` ])", text)) <= KEYS.keys()


def test_the_page_on_objectives_has_every_key_with_its_default(repository: Path) -> None:
    text = (repository / "docs/slo.md").read_text()
    written = dict(re.findall(r"^\| `(monitoring\.slo\.[\w.]+)` \| `([^`]+)` \|", text, re.MULTILINE))
    assert written == {key: f"{value}" for key, value in keys(Slo(), "monitoring.slo").items()}


@pytest.mark.prometheus
def test_every_query_of_a_runbook_is_promql(tmp_path: Path) -> None:
    asked = [query for page in PAGES.values() for query in queries(page)]
    rules = [{"record": f"query:{index}", "expr": query} for index, query in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "runbooks", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"{len(asked)} rules found" in done.stdout
