"""The collector's configuration against what its own source takes: run-gmp-sidecar, confgenerator/config.go."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.gcp import agent
from components.spec import Environment
from engine import promtool
from tests.components.contract import stack_run

# The fields of RunMonitoringConfig and what stands below it; unknown ones are errors there (yaml.Strict).
FIELDS = {
    "": {"apiVersion", "kind", "metadata", "spec"},
    "spec": {"endpoints", "targetLabels", "limits"},
    "endpoint": {"port", "scheme", "path", "params", "proxyUrl", "interval", "timeout", "metricRelabeling"},
    "rule": {"sourceLabels", "separator", "targetLabel", "regex", "modulus", "replacement", "action"},
}
PROTECTED = {"project_id", "location", "cluster", "namespace", "job", "instance", "instanceId", "__address__"}
ENVIRONMENT = Environment(cloud="gcp", tier="prod", project="mlplatform", stack="gcp-prod")
METADATA = {"instance", "revision", "service", "configuration"}


def configured() -> dict[str, Any]:
    """The collector's file as the stack program hands it to Cloud Run."""
    return json.loads(stack_run("gcp", "prod", variant="candidate").one("SecretVersion").inputs["secretData"].value)


def test_it_has_no_field_that_the_collector_does_not_know() -> None:
    found = configured()
    (endpoint,) = found["spec"]["endpoints"]
    assert (found["apiVersion"], found["kind"]) == ("monitoring.googleapis.com/v1beta", "RunMonitoring")
    assert set(found) <= FIELDS[""]
    assert set(found["spec"]) <= FIELDS["spec"]
    assert set(endpoint) <= FIELDS["endpoint"]
    assert all(set(rule) <= FIELDS["rule"] for rule in endpoint["metricRelabeling"])
    assert set(found["spec"]["targetLabels"]["metadata"]) <= METADATA


def test_it_writes_into_no_label_that_is_googles_own() -> None:
    rules = configured()["spec"]["endpoints"][0]["metricRelabeling"]
    assert len(rules) == 2
    assert {rule["targetLabel"] for rule in rules} == {"release"}
    assert {rule["action"] for rule in rules} == {"replace"}
    assert not {rule["targetLabel"] for rule in rules} & PROTECTED
    # The collector refuses the instance's id as a source.
    assert {label for rule in rules for label in rule["sourceLabels"]} == {"revision_name"}


def scrape_configuration(found: dict[str, Any]) -> dict[str, Any]:
    """What the collector makes of it for the Prometheus receiver (endpointScrapeConfig)."""
    (endpoint,) = found["spec"]["endpoints"]

    def label(name: str, value: str) -> dict[str, str]:
        return {"target_label": name, "replacement": value, "action": "replace"}

    return {
        "job_name": "run-gmp-sidecar-0",
        "scrape_interval": endpoint["interval"],
        "scrape_timeout": endpoint["timeout"],
        "metrics_path": endpoint["path"],
        "static_configs": [{"targets": [f"0.0.0.0:{endpoint['port']}"]}],
        "relabel_configs": [
            label("service_name", "a-service"),
            label("revision_name", "a-revision"),
            label("job", found["metadata"]["name"]),
            label("cluster", "__run__"),
            label("namespace", "a-service"),
            label("instance", str(endpoint["port"])),
        ],
        "metric_relabel_configs": [
            {
                "action": rule["action"],
                "source_labels": rule["sourceLabels"],
                "regex": rule["regex"],
                "target_label": rule["targetLabel"],
                "replacement": rule["replacement"],
            }
            for rule in endpoint["metricRelabeling"]
        ],
    }


@pytest.mark.promtool
def test_prometheus_takes_what_the_collector_makes_of_it(tmp_path: Path) -> None:
    file = tmp_path / "scrape.yml"
    file.write_text(json.dumps({"scrape_configs": [scrape_configuration(configured())]}))
    program = promtool.find()
    assert program
    done = subprocess.run([program, "check", "config", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_rules_select_by_labels_that_the_collector_writes() -> None:
    written = {entry["target_label"] for entry in scrape_configuration(configured())["relabel_configs"]}
    matchers = agent.series(ENVIRONMENT).matchers.split(",")
    assert {matcher.partition("=")[0] for matcher in matchers} == {"job", "namespace"} <= written
    assert matchers[0] == f'job="{configured()["metadata"]["name"]}"'
