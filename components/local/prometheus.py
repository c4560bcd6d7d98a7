"""The configuration files of the local Prometheus and Alertmanager, as plain data in JSON, a subset of YAML."""

from __future__ import annotations

import json
from typing import Any

import pulumi

from components.agent import SCRAPE_SECONDS
from components.local.container import CONFIG
from components.local.settings import Settings
from components.spec import METRICS_PORT, MonitoringSpec, Receiver, UnsupportedError
from observability.alertmanager import Contact, Mail, configuration


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


def alertmanager(spec: MonitoringSpec, settings: Settings) -> dict[str, pulumi.Input[str]]:
    """The Alertmanager's configuration and the files of its receivers' secrets, by their names below `CONFIG`.

    What a receiver is reached by is a secret unless it is an e-mail address or a webhook's URL that stands in the
    stack's configuration in the clear.
    """
    mail = Mail(smarthost=settings.smarthost, sender=settings.mail_from) if settings.smarthost else None
    files: dict[str, pulumi.Input[str]] = {}
    contacts: list[Contact] = []
    for receiver in spec.receivers:
        address = _open_address(receiver, mail)
        file = None if address else f"receivers/{receiver.name}"
        if file:
            files[file] = receiver.address
        contacts.append(
            Contact(
                name=receiver.name,
                kind=receiver.kind,
                severities=receiver.severities,
                address=address,
                file=file and f"{CONFIG}/{file}",
            )
        )
    return {"alertmanager.yml": configuration(contacts, mail), **files}


def _open_address(receiver: Receiver, mail: Mail | None) -> str | None:
    """The address, where it may be read by everybody."""
    address = receiver.address if isinstance(receiver.address, str) else None
    if receiver.kind == "email":
        if mail is None:
            raise UnsupportedError("local", "e-mail without a mail server", "set local.smarthost to host:port")
        if address is None:
            raise UnsupportedError("local", "a secret e-mail address", f"give receiver {receiver.name} its address")
    return address if receiver.kind in ("email", "webhook") else None
