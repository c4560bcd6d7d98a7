"""The Alertmanager's configuration, checked, routed and rendered by its own program."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from observability.alertmanager import Contact, Kind, Mail, configuration

MAIL = Mail(smarthost="mail.example.org:25", sender="alerts@example.org")
SECRET_KINDS: tuple[Kind, ...] = ("slack", "pagerduty", "opsgenie")
CONTACTS = (
    Contact(name="team", kind="email", address="team@example.org", severities=("ticket",)),
    Contact(name="hook", kind="webhook", address="http://127.0.0.1:9/alerts"),
    *(Contact(name=kind, kind=kind, file=f"/secrets/{kind}", severities=("page",)) for kind in SECRET_KINDS),
)
ALERT = {
    "status": "firing",
    "labels": {"alertname": "InstanceDown", "severity": "page"},
    "annotations": {
        "summary": "A replica does not answer",
        "description": "a:8001 has not answered",
        "runbook_url": "https://example.org/runbooks/InstanceDown.md",
    },
}
NOTIFICATION = {
    "status": "firing",
    "alerts": [ALERT, {**ALERT, "status": "resolved"}],
    "commonLabels": ALERT["labels"],
    "commonAnnotations": ALERT["annotations"],
}


def _amtool(directory: Path, *command: str, text: str) -> str:
    """What amtool answers about a configuration."""
    file = directory / "alertmanager.yml"
    file.write_text(text)
    files = [str(file)] if command[0] == "check-config" else [f"--config.file={file}"]
    done = subprocess.run(["amtool", *command, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _rendered(directory: Path, template: str) -> str:
    """The text that a template gives for `NOTIFICATION`."""
    (directory / "data.json").write_text(json.dumps(NOTIFICATION))
    (directory / "none.tmpl").write_text("")
    options = [f"--template.glob={directory}/none.tmpl", f"--template.data={directory}/data.json"]
    command = ["amtool", "template", "render", *options, f"--template.text={template}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _fields(contact: Contact) -> dict[str, Any]:
    """What the receiver of one contact consists of."""
    receiver = json.loads(configuration([contact], MAIL))["receivers"][1]
    (fields,) = receiver[f"{contact.kind}_configs"]
    return fields


@pytest.mark.prometheus
@pytest.mark.parametrize("contact", CONTACTS, ids=lambda contact: contact.kind)
def test_amtool_accepts_each_kind_of_receiver(contact: Contact, tmp_path: Path) -> None:
    assert " 2 receivers" in _amtool(tmp_path, "check-config", text=configuration([contact], MAIL))


@pytest.mark.prometheus
def test_amtool_accepts_a_configuration_without_receivers(tmp_path: Path) -> None:
    assert " 1 receivers" in _amtool(tmp_path, "check-config", text=configuration([]))


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("severity", "receivers"), [("page", "hook,slack,pagerduty,opsgenie"), ("ticket", "team,hook"), ("none", "_nobody")]
)
def test_each_severity_reaches_everybody_who_wants_it_and_nobody_else(
    severity: str, receivers: str, tmp_path: Path
) -> None:
    command = ("config", "routes", "test", f"severity={severity}", "alertname=InstanceDown")
    assert _amtool(tmp_path, *command, text=configuration(CONTACTS, MAIL)).strip() == receivers


@pytest.mark.prometheus
def test_a_severity_that_nobody_wants_reaches_nobody(tmp_path: Path) -> None:
    text = configuration([CONTACTS[0]], MAIL)
    assert _amtool(tmp_path, "config", "routes", "test", "severity=page", text=text).strip() == "_nobody"


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("contact", "title", "text"),
    [
        (CONTACTS[0], ("headers", "Subject"), ("text",)),
        (CONTACTS[2], ("title",), ("text",)),
        (CONTACTS[3], ("description",), ("details", "text")),
        (CONTACTS[4], ("message",), ("description",)),
    ],
    ids=("email", *SECRET_KINDS),
)
def test_what_a_person_reads_says_what_is_wrong_and_where_the_runbook_is(
    contact: Contact, title: tuple[str, ...], text: tuple[str, ...], tmp_path: Path
) -> None:
    def field(path: tuple[str, ...]) -> str:
        found: Any = _fields(contact)
        for name in path:
            found = found[name]
        return _rendered(tmp_path, found)

    assert field(title) == "[FIRING] A replica does not answer"
    assert field(text) == (
        "firing: a:8001 has not answered\nresolved: a:8001 has not answered\n"
        "Runbook: https://example.org/runbooks/InstanceDown.md"
    )


@pytest.mark.prometheus
def test_a_page_is_urgent_where_the_receiver_knows_degrees(tmp_path: Path) -> None:
    assert _rendered(tmp_path, _fields(CONTACTS[3])["severity"]) == "critical"
    assert _rendered(tmp_path, _fields(CONTACTS[4])["priority"]) == "P1"


def test_everybody_is_told_when_it_is_over() -> None:
    assert all(_fields(contact)["send_resolved"] for contact in CONTACTS)


def test_pages_go_out_sooner_than_tickets_and_are_repeated_sooner() -> None:
    routes = json.loads(configuration([]))["route"]["routes"]
    assert [(route["group_wait"], route["repeat_interval"]) for route in routes] == [("10s", "4h"), ("1m", "1d")]


@pytest.mark.parametrize("kind", ["webhook", *SECRET_KINDS])
def test_a_secret_is_named_by_its_file(kind: Kind) -> None:
    fields = _fields(Contact(name="secret", kind=kind, file="/secrets/it"))
    assert [name for name, value in fields.items() if value == "/secrets/it"] == [
        {"webhook": "url", "slack": "api_url", "pagerduty": "routing_key", "opsgenie": "api_key"}[kind] + "_file"
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": "webhook"}, "receiver x: give either an address or the file"),
        ({"kind": "webhook", "address": "http://a", "file": "/f"}, "receiver x: give either an address or the file"),
        ({"kind": "email", "file": "/f"}, "receiver x: an e-mail address stands in the configuration"),
        ({"kind": "slack", "address": "https://hooks"}, "receiver x: what slack is reached by is a secret"),
        ({"kind": "pagerduty", "address": "key"}, "receiver x: what pagerduty is reached by is a secret"),
        ({"kind": "opsgenie", "address": "key"}, "receiver x: what opsgenie is reached by is a secret"),
    ],
)
def test_a_contact_that_could_not_be_reached_or_would_give_a_secret_away_is_refused(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Contact(name="x", **wrong)


def test_e_mail_without_a_server_is_refused() -> None:
    with pytest.raises(ValueError, match="receivers team: e-mail needs a mail server"):
        configuration(CONTACTS)
