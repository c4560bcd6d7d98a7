"""Prometheus rules as plain data, independent of the cloud that evaluates them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Severity = Literal["page", "ticket"]

RELEASES = "__RELEASES__"
"""Stands in an expression for the releases that should serve, known only once an image is built."""


@dataclass(frozen=True, kw_only=True)
class RecordingRule:
    """A PromQL expression evaluated regularly and stored under ``record`` (``level:metric:operation``)."""

    record: str
    expr: str


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """A condition that must reach a person: ``page`` now, ``ticket`` during working hours.

    ``expr`` is PromQL and may use recorded names; it must hold for ``hold_seconds`` before the alert fires.
    ``runbook`` is the address of the page that says what to do, ``service`` names the deployment that is meant: the
    people whom it reaches look after several.
    """

    name: str
    expr: str
    hold_seconds: int
    severity: Severity
    summary: str
    description: str
    runbook: str
    service: str | None = None

    @property
    def labels(self) -> dict[str, str]:
        """What alerts are routed, grouped and inhibited by."""
        return {"severity": self.severity, **({"service": self.service} if self.service else {})}


def with_releases(expr: str, releases: Sequence[str]) -> str:
    """``expr`` with the ids of ``releases`` in the place of `RELEASES`."""
    return expr.replace(RELEASES, "|".join(releases))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Everything a rule evaluator is given."""

    recordings: tuple[RecordingRule, ...] = ()
    alerts: tuple[AlertRule, ...] = ()

    def inlined(self) -> tuple[AlertRule, ...]:
        """The alerts with every recorded name replaced by its expression, for evaluators without recording rules.

        A recording may use the ones before it. Raises ValueError where a recorded name carries a label matcher or a
        range: an expression in its place would mean something else.
        """
        expressions: dict[str, str] = {}
        for recording in self.recordings:
            expressions[recording.record] = f"({_inline(recording.expr, expressions)})"
        return tuple(replace(alert, expr=_inline(alert.expr, expressions)) for alert in self.alerts)


def _inline(expr: str, expressions: dict[str, str]) -> str:
    """``expr`` with each name of ``expressions`` replaced by its expression."""

    def substitute(match: re.Match[str]) -> str:
        name = match.group(0)
        if name not in expressions:
            return name
        if re.match(r"\s*[{\[]", expr[match.end() :]):
            raise ValueError(f"recorded name '{name}' is selected from in '{expr}'; put the matcher into the recording")
        return expressions[name]

    return re.sub(r"[a-zA-Z_:][a-zA-Z0-9_:]*", substitute, expr)
