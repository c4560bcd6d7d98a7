"""Real faults of real services: each reaches a webhook as the alert that it is, and nothing else comes.

Every scene is a service of its own with a Prometheus of its own; they play at the same time, before one Alertmanager.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.artifact import MODEL
from observability.rules import with_releases
from observability.slo import Latency, Quality
from tests.app import models

from .programs import until
from .series_asked import asks_for_more, groupings, selectors
from .stage import PATIENT, RELEASE, RUNBOOKS, Scene, Stage
from .traffic import DRIFTED, USUAL, Body, Traffic, in_batches, in_turn

pytestmark = pytest.mark.prometheus

HASTY = replace(PATIENT, latency=Latency(threshold_seconds=0.05))
GOOD = {"shelf": 3, "ratio": 2}
BAD = {"shelf": 3, "ratio": 0}
Record = Callable[[Scene, str], None]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The Alertmanager and the webhook behind it."""
    with ExitStack() as exit_stack:
        yield Stage(tmp_path_factory.mktemp("stage"), exit_stack)


@pytest.fixture(scope="module")
def scenes(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    """Every service, its fault just begun."""
    made = {
        model.__name__: model(tmp_path_factory.mktemp(model.__name__))
        for model in (models.prices, models.fragile, models.slow, models.flowers)
    }
    prices, fragile, slow, flowers = (made[name] for name in ("prices", "fragile", "slow", "flowers"))
    usual, batches = in_turn(*USUAL), in_turn(*in_batches(USUAL))
    drifting = replace(PATIENT, quality=Quality(window="15m"))
    found = stage.prepare(
        lambda: stage.scene("healthy", prices, usual, replicas=2),
        lambda: stage.scene("errors", fragile, lambda: GOOD),
        lambda: stage.scene("latency", slow, lambda: {"steps": 10}, slo=HASTY, callers=4),
        lambda: stage.scene("crash", fragile, lambda: GOOD, replicas=2),
        lambda: stage.scene("crash loop", prices, usual),
        lambda: stage.scene("gone", prices, usual, replicas=2),
        lambda: stage.scene("release", prices, in_turn(*USUAL[:10], *in_batches(USUAL))),
        lambda: stage.scene("drift", prices, batches, slo=drifting),
        lambda: stage.scene("overload", slow, lambda: {"steps": 10}, callers=4, MAX_CONCURRENT_REQUESTS=2),
        lambda: stage.scene("no model", flowers, lambda: models.FLOWER, WORKERS=2),
    )
    faults: dict[str, Callable[[Scene], None]] = {
        "errors": lambda scene: _ask(scene, in_turn(GOOD, GOOD, BAD)),
        "latency": lambda scene: _ask(scene, SlowRows(scene.traffic)),
        "crash": _crash,
        "crash loop": _crash_again_and_again,
        "gone": _vanish,
        "release": lambda scene: scene.discover(*scene.replicas, stage.replica(prices, RELEASE="another")),
        "drift": lambda scene: _ask(scene, in_turn(*in_batches(DRIFTED))),
        "overload": _overload,
        "no model": lambda scene: _lose_the_model(scene, flowers),
    }
    for name, fault in faults.items():
        stage.begin(found[name], lambda fault=fault, scene=found[name]: fault(scene))
    return found


class SlowRows:
    """Rows that take a fifth of a second or more, on a machine of any speed."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic, self._steps, self._lock = traffic, 20_000, threading.Lock()

    def __call__(self) -> Any:
        with self._lock:
            if self._traffic.seconds < 0.2:
                self._steps = min(round(self._steps * 1.3), 5_000_000)
            elif self._traffic.seconds > 0.5:
                self._steps = max(round(self._steps / 1.3), 10)
            return {"steps": self._steps}


def _ask(scene: Scene, body: Body) -> None:
    """Ask for something else from now on."""
    scene.traffic.body = body


def _crash(scene: Scene) -> None:
    """One of two replicas dies and stays dead; callers find the other."""
    lost, left = scene.replicas
    scene.traffic.addresses = [left.service.address]
    lost.crash()


def _crash_again_and_again(scene: Scene) -> None:
    """A replica is killed, and started again as an orchestrator would, until it has been four times."""
    (replica,) = scene.replicas
    for starts in range(1, 5):
        replica.crash()
        replica.start()
        since = f'changes(process_start_time_seconds{{job="service"}}[{4 * 60}s])'
        until(f"start {starts} is seen", lambda since=since, starts=starts: scene.prometheus.value(since) >= starts)


def _vanish(scene: Scene) -> None:
    """One of two replicas is no longer there, and whoever looks for replicas does not find it any more."""
    lost, left = scene.replicas
    scene.traffic.addresses = [left.service.address]
    lost.crash()
    scene.discover(left)


def _overload(scene: Scene) -> None:
    """More long requests than the service takes at once. It is the last to get the processor."""
    os.setpriority(os.PRIO_PROCESS, scene.replicas[0].service.process.pid, 19)
    scene.traffic.body = lambda: {"steps": 1_000_000}


def _lose_the_model(scene: Scene, artifact: Path) -> None:
    """The model's file is damaged, which a running service does not notice, and then its workers die."""
    for file in artifact.rglob(MODEL):
        file.write_bytes(b"")
    for pid in scene.replicas[0].service.workers():
        assert pid > 1
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def arrives(
    stage: Stage, record_property: Callable[[str, object], None]
) -> Callable[[Scene, str, str], dict[str, str]]:
    """Waits for an alert's first notification and looks at it: its severity and words; its labels are returned."""

    def wait(scene: Scene, alert: str, severity: str) -> dict[str, str]:
        notice = stage.told(scene, alert)
        record_property("alert", (scene.name, alert, notice.at - scene.fault_at))
        assert notice.labels["severity"] == severity
        assert notice.annotations["runbook_url"] == f"{RUNBOOKS}/{alert}.md"
        assert notice.annotations["summary"]
        assert "no value" not in notice.annotations["description"]
        return {**notice.labels, **notice.annotations}

    return wait


Arrives = Callable[[Scene, str, str], dict[str, str]]


def test_a_replica_that_died_pages_and_holds_back_what_it_explains(
    stage: Stage, scenes: dict[str, Scene], arrives: Arrives
) -> None:
    scene = scenes["crash"]
    lost, left = scene.replicas
    told = arrives(scene, "InstanceDown", "page")
    assert told["instance"] == lost.metrics
    assert lost.metrics in told["description"]
    scene.traffic.body = lambda: BAD
    stage.suppressed(scene, "ErrorRatioHigh")
    assert not stage.inbox.notices(scene.name, "ErrorRatioHigh")
    lost.start()
    until("it is over", lambda: stage.inbox.notices(scene.name, "InstanceDown", status="resolved"))
    stage.told(scene, "ErrorRatioHigh")
    assert left.service.process.poll() is None


def test_errors_page_at_once_and_before_the_budget_is_gone(
    stage: Stage, scenes: dict[str, Scene], arrives: Arrives
) -> None:
    told = arrives(scenes["errors"], "ErrorRatioHigh", "page")
    assert "% of the predictions" in told["description"]
    arrives(scenes["errors"], "AvailabilityBudgetBurnFast", "page")
    stage.suppressed(scenes["errors"], "AvailabilityBudgetBurnSlow")
    assert not stage.inbox.notices("errors", "AvailabilityBudgetBurnSlow")


def test_slow_predictions_page(stage: Stage, scenes: dict[str, Scene], arrives: Arrives) -> None:
    arrives(scenes["latency"], "LatencyHigh", "page")
    arrives(scenes["latency"], "LatencyBudgetBurnFast", "page")
    stage.suppressed(scenes["latency"], "LatencyBudgetBurnSlow")
    assert not stage.inbox.notices("latency", "LatencyBudgetBurnSlow")


def test_a_crash_loop_pages(scenes: dict[str, Scene], arrives: Arrives) -> None:
    arrives(scenes["crash loop"], "CrashLooping", "page")


def test_a_replica_that_is_found_no_more_pages(scenes: dict[str, Scene], arrives: Arrives) -> None:
    told = arrives(scenes["gone"], "MetricsMissing", "page")
    assert told["description"].startswith("1 of at least 2 replicas")


def test_a_release_that_nobody_asked_for_pages(scenes: dict[str, Scene], arrives: Arrives) -> None:
    told = arrives(scenes["release"], "WrongRelease", "page")
    assert told["release"] == "another"
    assert "1 replicas serve another" in told["description"]


def test_refused_requests_page_and_a_full_replica_is_a_ticket(scenes: dict[str, Scene], arrives: Arrives) -> None:
    arrives(scenes["overload"], "RequestsShed", "page")
    arrives(scenes["overload"], "Saturation", "ticket")


def test_a_replica_that_lost_its_model_pages(scenes: dict[str, Scene], arrives: Arrives) -> None:
    arrives(scenes["no model"], "ModelMissing", "page")


def test_the_rules_ask_for_series_and_labels_that_the_service_has(scenes: dict[str, Scene]) -> None:
    scene = scenes["release"]
    recorded = [rule.record for rule in scene.rules.recordings]
    until("the other release is scraped", lambda: scene.prometheus.query('release_info{release="another"}'))
    until("the drift is judged", lambda: scene.prometheus.query("service:feature_drift:psi"))
    for rule in (*scene.rules.recordings, *scene.rules.alerts):
        expr = with_releases(rule.expr, [RELEASE])
        asked = selectors(expr, recorded)
        found = {selector: scene.prometheus.query(selector) for selector in asked}
        assert [selector for selector, series in found.items() if not series] == [], rule
        labelled = [set(series[0]) for series in found.values()]
        assert [label for label in groupings(expr) if not any(label in labels for labels in labelled)] == [], rule
        assert not asks_for_more(scene.prometheus, expr, asked), rule
    assert asks_for_more(scene.prometheus, "sum(api_requests_total)", [])


def test_drifted_traffic_is_a_ticket_that_names_the_feature_and_pages_when_it_lasts(
    stage: Stage, scenes: dict[str, Scene], arrives: Arrives
) -> None:
    told = arrives(scenes["drift"], "FeatureDrift", "ticket")
    assert told["feature"] == "rooms"
    assert told["version"] in told["description"]
    arrives(scenes["drift"], "QualityBudgetBurn", "page")
    stage.suppressed(scenes["drift"], "PredictionDrift")  # which may have been told before


def test_a_healthy_service_was_asked_all_the_time_and_nobody_was_told_of_it(
    stage: Stage, scenes: dict[str, Scene]
) -> None:
    scene = scenes["healthy"]
    last = max(notice.at for name in scenes for notice in stage.inbox.notices(name))
    until("the quiet lasts as long as the longest fault", lambda: time.monotonic() > last)
    assert stage.inbox.notices("healthy") == []
    assert stage.alertmanager.states("healthy") == {}
    assert set(scene.traffic.answers) == {200}
    assert scene.traffic.unanswered == 0
    judged = scene.prometheus.query("service:feature_drift:psi")
    assert {labels["feature"] for labels in judged} == {"rooms", "age"}
