"""What an expression asks for, as far as a Prometheus that knows no tree of it can tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .programs import Prometheus

_SELECTOR = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\{[^{}]*\}")
_GROUPING = re.compile(r"\b(?:by|on) \(([^)]*)\)")


def selectors(expr: str, recorded: Iterable[str]) -> set[str]:
    """The selectors of an expression: a metric with its matchers, or one of the names ``recorded`` without."""
    names = {name for name in recorded if re.search(rf"\b{name}\b", expr)}
    return {*_SELECTOR.findall(expr), *names}


def groupings(expr: str) -> set[str]:
    """The labels that an expression groups or matches by."""
    return {label.strip() for found in _GROUPING.findall(expr) for label in found.split(",")}


def asks_for_more(prometheus: Prometheus, expr: str, known: Iterable[str]) -> bool:
    """Whether ``expr`` reads samples of anything but ``known``: those are taken out, and what is read is counted."""
    for selector in sorted(known, key=len, reverse=True):
        expr = expr.replace(selector, 'nothing{of="the_kind"}')
    return prometheus.samples_read(expr) > 0
