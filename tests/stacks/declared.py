"""The alerts that a stack's program really declares, read from what each cloud is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.spec import Cloud
from tests.components.harness import Run, Secret


@dataclass(frozen=True, kw_only=True)
class Declared:
    """An alert as a cloud is asked for it; ``seconds`` is how long its condition must hold."""

    expr: str
    seconds: int
    severity: str
    service: str
    runbook: str


def declared(cloud: Cloud, run: Run) -> dict[str, Declared]:
    """The alerts by name; a name that stands twice fails."""
    found = list({"aws": _aws, "azure": _azure, "gcp": _gcp, "local": _local}[cloud](run))
    assert len({name for name, _ in found}) == len(found), "an alert stands twice"
    return dict(found)


def rule_file(cloud: Cloud, run: Run) -> dict[str, Any]:
    """The rules as the file that Prometheus takes, where the cloud takes one."""
    if cloud == "aws":
        return json.loads(run.one("RuleGroupNamespace").inputs["data"])
    uploads = run.one("container:Container", "-prometheus").inputs["uploads"]
    entries = uploads.value if isinstance(uploads, Secret) else uploads
    return json.loads(next(entry["content"] for entry in entries if entry["file"].endswith("rules.yml")))


def _from_file(content: dict[str, Any]) -> Iterator[tuple[str, Declared]]:
    """The alerts of a rule file."""
    for rule in (rule for group in content["groups"] for rule in group["rules"] if "alert" in rule):
        yield (
            rule["alert"],
            Declared(
                expr=rule["expr"],
                seconds=int(rule["for"].rstrip("s")),
                severity=rule["labels"]["severity"],
                service=rule["labels"]["service"],
                runbook=rule["annotations"]["runbook_url"],
            ),
        )


def _aws(run: Run) -> Iterator[tuple[str, Declared]]:
    return _from_file(rule_file("aws", run))


def _local(run: Run) -> Iterator[tuple[str, Declared]]:
    return _from_file(rule_file("local", run))


def _azure(run: Run) -> Iterator[tuple[str, Declared]]:
    for rule in (rule for group in run.of("PrometheusRuleGroup") for rule in group.inputs["rules"] if "alert" in rule):
        yield (
            rule["alert"],
            Declared(
                expr=rule["expression"],
                seconds=60 * int(rule.get("for", "PT0M")[2:-1]),
                severity=rule["labels"]["severity"],
                service=rule["labels"]["service"],
                runbook=rule["annotations"]["runbook_url"],
            ),
        )


def _gcp(run: Run) -> Iterator[tuple[str, Declared]]:
    for policy in (found.inputs for found in run.of("AlertPolicy")):
        (condition,) = policy["conditions"]
        query = condition.get("conditionPrometheusQueryLanguage", {})
        if "alertRule" in query:
            yield (
                query["alertRule"],
                Declared(
                    expr=query["query"],
                    seconds=int(query["duration"].rstrip("s")),
                    severity=query["labels"]["severity"],
                    service=query["labels"]["service"],
                    runbook=policy["documentation"]["content"].rpartition("Runbook: ")[2],
                ),
            )
