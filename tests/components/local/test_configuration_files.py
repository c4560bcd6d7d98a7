"""The files of the local Prometheus and Alertmanager, checked by the programs that read them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from components.local import prometheus
from observability.rule_file import rule_file
from observability.rules import AlertRule, RecordingRule, Rules
from tests.components.contract import stack_run
from tests.components.harness import Secret
from tests.go_programs import amtool

pytestmark = pytest.mark.prometheus

RULES = Rules(
    recordings=(RecordingRule(record="job:errors:rate5m", expr="sum(rate(errors_total[5m]))"),),
    alerts=(
        AlertRule(
            name="Errors",
            expr="job:errors:rate5m > 1",
            hold_seconds=120,
            severity="page",
            summary="Errors",
            description="{{ $value }} a second",
            runbook="https://example.org/errors",
        ),
    ),
)


def accepted(*command: str) -> str:
    """What a checker says to a file that it accepts."""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_promtool_accepts_the_configuration(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(rule_file(RULES))
    config = tmp_path / "prometheus.yml"
    config.write_text(prometheus.prometheus().replace("/config/rules.yml", str(rules)))
    assert "2 rules found" in accepted("promtool", "check", "config", str(config))


def test_promtool_accepts_a_stack_without_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(rule_file(Rules()))
    accepted("promtool", "check", "rules", str(tmp_path / "rules.yml"))


def test_amtool_accepts_the_receivers(tmp_path: Path) -> None:
    uploads = stack_run("local", "dev").one("container:Container", "alertmanager").inputs["uploads"]
    assert isinstance(uploads, Secret)
    (tmp_path / "alertmanager.yml").write_text(uploads.value[0]["content"])
    assert "3 receivers" in accepted(str(amtool()), "check-config", str(tmp_path / "alertmanager.yml"))
