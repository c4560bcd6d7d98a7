"""The configuration files of the local Prometheus and Alertmanager, as plain data in JSON, a subset of YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi

from components.agent import SCRAPE_SECONDS
from components.local.settings import Settings
from components.spec import METRICS_PORT, MonitoringSpec, Receiver, UnsupportedError


def prometheus() -> str:
    """Scrape every replica, found by its slot's name in the engine's DNS, and send alerts to the Alertmanager."""
    return json.dumps(
        {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
            "rule_files": ["/config/rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": ["alertmanager:9093"]}]}]},
            "scrape_configs": [_scrape("stable"), _scrape("candidate")],
        },
        indent=2,
    )


def _scrape(slot: str) -> dict[str, Any]:
    """The replicas of one slot; both count as the job ``service``."""
    return {
        "job_name": slot,
        "dns_sd_configs": [{"names": [slot], "type": "A", "port": METRICS_PORT, "refresh_interval": "5s"}],
        "relabel_configs": [
            {"target_label": "job", "replacement": "service"},
            {"target_label": "slot", "replacement": slot},
        ],
    }


def alertmanager(spec: MonitoringSpec, settings: Settings) -> pulumi.Output[str]:
    """Route each severity to the receivers that want it; secret where an address is."""
    routes = [
        {
            "receiver": receiver.name,
            "matchers": [f'severity=~"{"|".join(receiver.severities)}"'],
            "continue": True,
        }
        for receiver in spec.receivers
    ]
    return pulumi.Output.json_dumps(
        {
            "route": {"receiver": "nobody", "group_by": ["alertname"], "routes": routes},
            "receivers": [{"name": "nobody"}, *(_receiver(receiver, settings) for receiver in spec.receivers)],
        },
        indent=2,
    )


def _receiver(receiver: Receiver, settings: Settings) -> Mapping[str, Any]:
    """One receiver in the Alertmanager's form."""
    match receiver.kind:
        case "webhook":
            return {"name": receiver.name, "webhook_configs": [{"url": receiver.address}]}
        case "slack":
            return {"name": receiver.name, "slack_configs": [{"api_url": receiver.address}]}
        case "pagerduty":
            return {"name": receiver.name, "pagerduty_configs": [{"routing_key": receiver.address}]}
        case "opsgenie":
            return {"name": receiver.name, "opsgenie_configs": [{"api_key": receiver.address}]}
        case "email":
            if settings.smarthost is None:
                raise UnsupportedError("local", "e-mail without a mail server", "set local.smarthost to host:port")
            mail = {"to": receiver.address, "from": settings.mail_from, "smarthost": settings.smarthost}
            return {"name": receiver.name, "email_configs": [mail]}
