"""The rules in Prometheus' own form, for whoever evaluates them from a file."""

from __future__ import annotations

import json
from typing import Any

from observability.rules import AlertRule, Rules


def rule_file(rules: Rules) -> str:
    """A rule file (prometheus.io/docs/prometheus/latest/configuration/recording_rules), in JSON, a subset of YAML."""
    recordings = [{"record": rule.record, "expr": rule.expr} for rule in rules.recordings]
    groups = (("recordings", recordings), ("alerts", [_alert(rule) for rule in rules.alerts]))
    return json.dumps({"groups": [{"name": name, "rules": found} for name, found in groups if found]}, indent=2) + "\n"


def _alert(rule: AlertRule) -> dict[str, Any]:
    """One alert."""
    return {
        "alert": rule.name,
        "expr": rule.expr,
        "for": f"{rule.hold_seconds}s",
        "labels": {"severity": rule.severity},
        "annotations": {"summary": rule.summary, "description": rule.description, "runbook_url": rule.runbook},
    }
