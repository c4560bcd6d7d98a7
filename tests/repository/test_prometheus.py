"""The configuration of compose.yaml's Prometheus and the rules that it names, read by Prometheus's own checker."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


@pytest.mark.prometheus
def test_the_configuration_and_its_rules_are_valid(repository: Path) -> None:
    done = subprocess.run(
        ["promtool", "check", "config", repository / "observability/prometheus.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout
