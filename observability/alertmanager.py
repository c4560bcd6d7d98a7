"""The Alertmanager's configuration: who is told of which alerts, how soon, how often and in which words.

Its form: prometheus.io/docs/alerting/latest/configuration. No secret stands in it; the Alertmanager reads each from a
file of its own. ``api_url_file``, ``routing_key_file`` and ``api_key_file`` are known from Alertmanager 0.25 on, a
webhook's ``url_file`` from 0.26 on (prometheus/alertmanager#3223; until 0.28 the first notification ends the process:
#3800).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from observability.inhibition import INHIBITIONS
from observability.rules import Severity

Kind = Literal["email", "webhook", "slack", "pagerduty", "opsgenie"]

_NOBODY = "_nobody"
"""The receiver of alerts that no contact wants."""
_TIMES: dict[Severity, dict[str, str]] = {
    # A page gathers what breaks with it for as long as a person needs to reach for the telephone; a ticket may wait.
    "page": {"group_wait": "10s", "group_interval": "1m", "repeat_interval": "4h"},
    "ticket": {"group_wait": "1m", "group_interval": "10m", "repeat_interval": "1d"},
}
_TITLE = "[{{ .Status | toUpper }}] {{ .CommonAnnotations.summary }}"
_TEXT = (
    "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.description }}\n{{ end }}"
    "Runbook: {{ .CommonAnnotations.runbook_url }}"
)
_IS_PAGE = '{{ if eq .CommonLabels.severity "page" }}%s{{ else }}%s{{ end }}'


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Who is told of the alerts of ``severities``.

    ``address`` is an e-mail address, or a webhook's URL that is no secret; ``file`` is the path, in the Alertmanager's
    own file system, of the secret: a webhook's URL, Slack's webhook, PagerDuty's routing key (Events API v2) or
    Opsgenie's API key. Raises ValueError where the kind needs the other.
    """

    name: str
    kind: Kind
    severities: Sequence[Severity] = ("page", "ticket")
    address: str | None = None
    file: str | None = None

    def __post_init__(self) -> None:
        if (self.address is None) == (self.file is None):
            raise ValueError(f"receiver {self.name}: give either an address or the file of a secret")
        if self.kind == "email" and self.file:
            raise ValueError(f"receiver {self.name}: an e-mail address stands in the configuration; give the address")
        if self.kind not in ("email", "webhook") and self.address:
            raise ValueError(f"receiver {self.name}: what {self.kind} is reached by is a secret; give its file")


@dataclass(frozen=True, kw_only=True)
class Mail:
    """The server (``host:port``, with TLS) that takes e-mail, and the address that it comes from."""

    smarthost: str
    sender: str


def configuration(contacts: Sequence[Contact], mail: Mail | None = None) -> str:
    """The configuration file, in JSON, a subset of YAML.

    Alerts of one name, service and model come as one notification, whatever the number of replicas they are about.
    Raises ValueError for e-mail without a server.
    """
    if mail is None and (names := [contact.name for contact in contacts if contact.kind == "email"]):
        raise ValueError(f"receivers {', '.join(names)}: e-mail needs a mail server")
    return json.dumps(
        {
            **({"global": {"smtp_smarthost": mail.smarthost, "smtp_from": mail.sender}} if mail else {}),
            "route": {
                "receiver": _NOBODY,
                "group_by": ["alertname", "service", "version"],
                "routes": [_route(severity, times, contacts) for severity, times in _TIMES.items()],
            },
            "receivers": [{"name": _NOBODY}, *(_receiver(contact) for contact in contacts)],
            "inhibit_rules": INHIBITIONS,
        },
        indent=2,
    )


def _route(severity: Severity, times: dict[str, str], contacts: Sequence[Contact]) -> dict[str, Any]:
    """Alerts of one severity, to everybody who wants them."""
    wanting = [contact.name for contact in contacts if severity in contact.severities]
    return {
        "matchers": [f'severity="{severity}"'],
        **times,
        "routes": [{"receiver": name, "continue": True} for name in wanting],
    }


def _receiver(contact: Contact) -> dict[str, Any]:
    """One receiver. A webhook's message carries all labels and annotations by itself."""
    match contact.kind:
        case "webhook":
            found = {"url_file": contact.file} if contact.file else {"url": contact.address}
        case "slack":
            found = {"api_url_file": contact.file, "title": _TITLE, "text": _TEXT}
        case "pagerduty":
            found = {
                "routing_key_file": contact.file,
                "severity": _IS_PAGE % ("critical", "warning"),
                "description": _TITLE,
                "details": {"text": _TEXT},
            }
        case "opsgenie":
            found = {
                "api_key_file": contact.file,
                "priority": _IS_PAGE % ("P1", "P3"),
                "message": _TITLE,
                "description": _TEXT,
            }
        case "email":
            found = {"to": contact.address, "headers": {"Subject": _TITLE}, "text": _TEXT, "html": ""}
    return {"name": contact.name, f"{contact.kind}_configs": [{"send_resolved": True, **found}]}
