"""The scrape configuration of compose.yaml, read by Prometheus's own checker."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


@pytest.mark.prometheus
def test_the_scrape_configuration_is_valid(repository: Path) -> None:
    done = subprocess.run(
        ["promtool", "check", "config", repository / "observability/prometheus.yml"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
