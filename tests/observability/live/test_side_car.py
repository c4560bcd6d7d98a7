"""A real agent beside a real service writes to a second Prometheus, which notices when the agent is gone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from components.agent import agent_configuration
from components.spec import METRICS_PORT
from tests.app import models

from . import faster
from .programs import Agent, Prometheus, until
from .stage import FACTOR, LOOKBACK_SECONDS, PATIENT, RELEASE, Replica, rules_for, rules_text

pytestmark = pytest.mark.prometheus

LABELS = {"release": RELEASE, "slot": "stable", "replica": "task-1"}


def _configuration(url: str, replica: Replica) -> str:
    """The side-car's file for a replica whose metrics are not on the port of the deployments, in the faster time."""
    found: dict[str, Any] = json.loads(agent_configuration(url, {}, LABELS))
    found["global"]["scrape_interval"] = faster.duration(found["global"]["scrape_interval"], FACTOR)
    return json.dumps(found).replace(f"localhost:{METRICS_PORT}", f"localhost:{replica.metrics_port}")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Agent]]:
    """What is written to, with the rules of one replica, and the agent that writes."""
    directory = tmp_path_factory.mktemp("side-car")
    with ExitStack() as exit_stack:
        replica = Replica(directory, models.prices(directory / "prices"))
        exit_stack.callback(replica.crash)
        interval = {"evaluation_interval": f"{15 // FACTOR}s"}
        options = ("--web.enable-remote-write-receiver", f"--query.lookback-delta={LOOKBACK_SECONDS}s")
        configuration = {"global": interval, "rule_files": ["rules.yml"]}
        prometheus = Prometheus(directory / "far", configuration, rules_text(rules_for(PATIENT, 1)), *options)
        exit_stack.callback(prometheus.end)
        agent = Agent(directory / "agent", _configuration(f"{prometheus.url}/api/v1/write", replica))
        exit_stack.callback(agent.end)
        yield prometheus, agent


def test_the_series_arrive_with_the_labels_that_tell_releases_and_replicas_apart(
    written: tuple[Prometheus, Agent],
) -> None:
    prometheus, _ = written
    until("the service's series arrive", lambda: prometheus.query("release_info"))
    (up,) = prometheus.query("up")
    assert {name: up[name] for name in ("job", *LABELS)} == {"job": "service", **LABELS}
    (version,) = {series["version"] for series in prometheus.query('model_info{job="service"}')}
    assert version
    until("nothing is missing", lambda: not prometheus.query("ALERTS"))


def test_a_dead_agent_is_noticed_although_the_service_goes_on(
    written: tuple[Prometheus, Agent], record_property: Callable[[str, object], None]
) -> None:
    prometheus, agent = written
    start = time.monotonic()
    agent.end()
    firing = until("an alert fires", lambda: prometheus.query('ALERTS{alertstate="firing"}'))
    record_property("alert", ("dead agent", "MetricsMissing", time.monotonic() - start))
    assert [alert["alertname"] for alert in firing] == ["MetricsMissing"]
