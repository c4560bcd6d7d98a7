"""The rules in Prometheus' own form, for whoever evaluates them from a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from observability.rules import Rules


def rule_file(rules: Rules) -> str:
    """A rule file (prometheus.io/docs/prometheus/latest/configuration/recording_rules), in JSON, a subset of YAML."""
    return groups_file((("recordings", recordings(rules)), ("alerts", alerts(rules))))


def groups_file(groups: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> str:
    """A rule file of the named ``groups``, without those that are empty."""
    return json.dumps({"groups": [{"name": name, "rules": found} for name, found in groups if found]}, indent=2)


def recordings(rules: Rules) -> list[dict[str, Any]]:
    """The recordings, in the order that lets one use those before it."""
    return [{"record": rule.record, "expr": rule.expr} for rule in rules.recordings]


def alerts(rules: Rules) -> list[dict[str, Any]]:
    """The alerts."""
    return [
        {
            "alert": rule.name,
            "expr": rule.expr,
            "for": f"{rule.hold_seconds}s",
            "labels": rule.labels,
            "annotations": {"summary": rule.summary, "description": rule.description, "runbook_url": rule.runbook},
        }
        for rule in rules.alerts
    ]
