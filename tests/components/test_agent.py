"""The side-car's configuration: one template, whose authorization alone differs between clouds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from components.agent import agent_configuration


def test_it_scrapes_the_metrics_port_and_signs_what_it_writes() -> None:
    text = agent_configuration("https://write.test/api/v1", {"sigv4": {"region": "eu-central-1"}}, {"release": "r"})
    found = json.loads(text)
    assert found["scrape_configs"][0]["static_configs"] == [{"targets": ["localhost:8001"]}]
    assert found["remote_write"] == [{"url": "https://write.test/api/v1", "sigv4": {"region": "eu-central-1"}}]
    assert found["global"]["external_labels"] == {"release": "r"}


def test_the_same_settings_give_the_same_text() -> None:
    one = agent_configuration("https://w", {}, {"release": "r", "slot": "stable"})
    assert one == agent_configuration("https://w", {}, {"slot": "stable", "release": "r"})


@pytest.mark.prometheus
def test_promtool_accepts_it(tmp_path: Path) -> None:
    file = tmp_path / "agent.yml"
    file.write_text(agent_configuration("https://write.test/w", {"sigv4": {"region": "eu-central-1"}}, {"a": "b"}))
    done = subprocess.run(["promtool", "check", "config", "--agent", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
