"""A monitoring that runs faster than time: every duration divided by one factor, so that an incident of minutes takes
seconds.

What is divided: windows and steps in expressions, holds, the Alertmanager's waits; by the tests, also how often is
scraped and evaluated and how long a sample counts. Limits, shares and numbers of requests stay as they are.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from observability.rules import Rules

_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = r"(?:\d+(?:ms|[smhdw]))+"


def faster(rules: Rules, factor: int) -> Rules:
    """The same rules in a time ``factor`` times as fast. Raises ValueError where a hold would be no whole second."""
    if odd := [rule.name for rule in rules.alerts if rule.hold_seconds % factor]:
        raise ValueError(f"the holds of {', '.join(odd)} are no multiple of {factor} s")
    return Rules(
        recordings=tuple(replace(rule, expr=expression(rule.expr, factor)) for rule in rules.recordings),
        alerts=tuple(
            replace(rule, expr=expression(rule.expr, factor), hold_seconds=rule.hold_seconds // factor)
            for rule in rules.alerts
        ),
    )


def expression(expr: str, factor: int) -> str:
    """PromQL with shorter ranges (``[5m]``), subqueries (``[1d:5m]``) and offsets; texts in quotes are left alone."""

    def shorter(match: re.Match[str]) -> str:
        if match["quoted"]:
            return match["quoted"]
        return re.sub(_DURATION, lambda found: duration(found[0], factor), match[0])

    return re.sub(rf'(?P<quoted>"(?:[^"\\]|\\.)*")|\[[^\]]*\]|\boffset\s+-?{_DURATION}', shorter, expr)


def duration(text: str, factor: int) -> str:
    """A duration such as ``1h30m``, divided, in milliseconds."""
    parts = re.findall(r"(\d+)(ms|[smhdw])", text)
    return f"{sum(int(number) * _MILLISECONDS[unit] for number, unit in parts) // factor}ms"


def configuration(text: str, factor: int) -> str:
    """An Alertmanager's configuration with shorter waits."""

    def shorter(key: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: shorter(name, entry) for name, entry in value.items()}
        if isinstance(value, list):
            return [shorter(key, entry) for entry in value]
        return duration(value, factor) if key in ("group_wait", "group_interval", "repeat_interval") else value

    return json.dumps(shorter("", json.loads(text)))
