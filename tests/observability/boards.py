"""The dashboards as Grafana reads them, and the questions that their panels put to Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from observability import grafana
from observability.alerts import Watch
from observability.series import Series
from observability.slo import Slo

NAMES = ("service", "objectives", "model")


def boards(slo: Slo | None = None) -> dict[str, dict[str, Any]]:
    """Each dashboard by its name."""
    files = grafana.files(Watch(slo=slo or Slo(), series=Series(), replicas=2))
    return {name: json.loads(files[f"dashboards/{name}.json"]) for name in NAMES}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """What is drawn, without the rows' titles."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each query of a dashboard, by its panel's title, everything being chosen that can be."""
    for panel in panels(board):
        for target in panel["targets"]:
            yield panel["title"], filled(target["expr"])


def filled(expr: str) -> str:
    """``expr`` as Grafana sends it with every release, version and feature chosen."""
    text = re.sub(r"\$(release|version|feature)\b", ".*", expr.replace("$__rate_interval", "1m"))
    assert "$" not in text, f"a variable that no dashboard has: {text}"
    return text
