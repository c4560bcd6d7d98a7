"""The side-car's configuration: one template, whose authorization alone differs between clouds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.agent import agent_configuration
from components.spec import Cloud
from engine import promtool
from tests.components.contract import stack_run
from tests.components.harness import Secret

AGENTS: tuple[Cloud, ...] = ("aws", "azure")
"""Google has no remote-write address; its collector is tested beside its template."""


def configured(cloud: Cloud) -> str:
    """The agent's file as the stack program hands it to the cloud."""
    run = stack_run(cloud, "prod")
    if cloud == "aws":
        _, agent = json.loads(run.one("TaskDefinition", "stable").inputs["containerDefinitions"])
        return next(entry["value"] for entry in agent["environment"] if entry["name"] == "CONFIGURATION")
    secrets: Any = run.one("app:ContainerApp").inputs["configuration"]["secrets"]
    entries = secrets.value if isinstance(secrets, Secret) else secrets
    return next(entry["value"] for entry in entries if entry["name"] == "agent-configuration")


def test_it_scrapes_the_metrics_port_and_signs_what_it_writes() -> None:
    text = agent_configuration("https://write.test/api/v1", {"sigv4": {"region": "eu-central-1"}}, {"release": "r"})
    found = json.loads(text)
    assert found["scrape_configs"][0]["static_configs"] == [{"targets": ["localhost:8001"]}]
    (write,) = found["remote_write"]
    assert (write["url"], write["sigv4"]) == ("https://write.test/api/v1", {"region": "eu-central-1"})
    assert found["global"]["external_labels"] == {"release": "r"}


def test_the_same_settings_give_the_same_text() -> None:
    one = agent_configuration("https://w", {}, {"release": "r", "slot": "stable"})
    assert one == agent_configuration("https://w", {}, {"slot": "stable", "release": "r"})


def test_clouds_differ_in_how_their_agents_sign_and_in_nothing_else_of_the_template() -> None:
    found = {cloud: json.loads(configured(cloud)) for cloud in AGENTS}
    signs = {cloud: {key for key in text["remote_write"][0] if key not in ("url", "write_relabel_configs")}
             for cloud, text in found.items()}  # fmt: skip
    assert signs == {"aws": {"sigv4"}, "azure": {"azuread"}}
    for text in found.values():
        (write,) = text["remote_write"]
        text["remote_write"] = [write["write_relabel_configs"]]
        assert {"release", "replica"} <= set(text["global"].pop("external_labels"))
    assert found["aws"] == found["azure"]


def test_a_series_names_its_replica_where_every_target_is_localhost() -> None:
    for cloud in AGENTS:
        (write,) = json.loads(configured(cloud))["remote_write"]
        assert write["write_relabel_configs"] == [{"source_labels": ["replica"], "target_label": "instance"}]


@pytest.mark.promtool
@pytest.mark.parametrize("cloud", AGENTS)
def test_promtool_accepts_what_each_cloud_is_given_and_refuses_a_misspelt_stanza(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "agent.yml"

    def check(text: str) -> subprocess.CompletedProcess[str]:
        file.write_text(text)
        program = promtool.find()
        assert program
        return subprocess.run([program, "check", "config", "--agent", file], capture_output=True, text=True)

    # The mocks know no client id; promtool demands a UUID.
    text = configured(cloud).replace("compute-client_id", "01234567-89ab-cdef-0123-456789abcdef")
    done = check(text)
    assert done.returncode == 0, done.stderr
    stanza = {"aws": "region", "azure": "managed_identity"}[cloud]
    assert f"field {stanza}x not found" in check(text.replace(f'"{stanza}"', f'"{stanza}x"')).stderr
