"""What a Grafana is given: the dashboards, the Prometheus they read, and where it finds both.

The files lie below `ROOT` in every Grafana that we run (grafana.com/docs/grafana/latest/administration/provisioning).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from observability.alerts import Watch
from observability.dashboards.model import model
from observability.dashboards.objectives import objectives
from observability.dashboards.service import service

ROOT = "/config"
ENVIRONMENT: Mapping[str, str] = {
    "GF_PATHS_PROVISIONING": f"{ROOT}/provisioning",
    "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": f"{ROOT}/dashboards/service.json",
    "GF_AUTH_ANONYMOUS_ENABLED": "true",
    "GF_AUTH_DISABLE_LOGIN_FORM": "true",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
}
"""Whoever reaches it may look, and nobody may change anything; it listens on this machine only."""


def files(watch: Watch) -> dict[str, str]:
    """The content of each file by its path below `ROOT`; YAML files in JSON, a subset."""
    prometheus = {
        "name": "Prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": "http://prometheus:9090",
        "isDefault": True,
    }
    provider = {"name": "mlplatform", "type": "file", "options": {"path": f"{ROOT}/dashboards"}}
    return {
        "provisioning/datasources/prometheus.yml": _yaml({"datasources": [prometheus]}),
        "provisioning/dashboards/mlplatform.yml": _yaml({"providers": [provider]}),
        "dashboards/service.json": service(watch),
        "dashboards/objectives.json": objectives(watch),
        "dashboards/model.json": model(watch),
    }


def _yaml(content: Mapping[str, object]) -> str:
    """A provisioning file."""
    return json.dumps({"apiVersion": 1, **content}, indent=2) + "\n"
