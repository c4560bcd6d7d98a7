"""Services, each watched by a Prometheus of its own, and one Alertmanager that tells a webhook, in a faster time."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from components.agent import SCRAPE_SECONDS
from components.local import prometheus as local
from observability.alertmanager import Contact
from observability.alertmanager import configuration as alertmanager_configuration
from observability.alerts import Watch
from observability.rule_file import rule_file
from observability.rules import Rules, with_releases
from observability.series import Series
from observability.slo import Latency, Slo
from tests.app.service import run_app

from . import faster
from .inbox import Inbox, Notice
from .programs import Alertmanager, Prometheus, a_port, until
from .traffic import Body, Traffic

FACTOR = SCRAPE_SECONDS
"""How much faster time runs: a scrape, a quarter of a minute otherwise, each second."""
LOOKBACK_SECONDS = 300 // FACTOR
"""How long Prometheus takes a sample for the present; five minutes by default."""
RELEASE = "0123456789abcdef-0123456789ab-0123456789ab"
RUNBOOKS = "https://example.org/runbooks"
PATIENT = Slo(latency=Latency(threshold_seconds=2.5), model_age_days=36_500)
"""Objectives that a service keeps on a machine that is busy with other things."""


def rules_for(slo: Slo, replicas: int) -> Rules:
    """The rules of a service, in the faster time."""
    return faster.faster(Watch(slo=slo, series=Series(), replicas=replicas, runbooks=RUNBOOKS).rules(), FACTOR)


def rules_text(rules: Rules) -> str:
    """The rule file of a service whose release is `RELEASE`."""
    return with_releases(rule_file(rules), [RELEASE])


def prometheus_configuration(directory: Path, service: str, alertmanager: str) -> dict[str, Any]:
    """The local stack's configuration for targets found in ``directory``/stable.json instead of the engine's DNS."""
    found = json.loads(local.prometheus())
    found["global"] = {
        "scrape_interval": faster.duration(found["global"]["scrape_interval"], FACTOR),
        "evaluation_interval": faster.duration(found["global"]["evaluation_interval"], FACTOR),
        "scrape_timeout": "1s",
        "external_labels": {"service": service},
    }
    found["rule_files"] = ["rules.yml"]
    found["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager.removeprefix("http://")]}]}]
    for scrape in found["scrape_configs"]:
        (name,) = scrape.pop("dns_sd_configs")[0]["names"]
        scrape["file_sd_configs"] = [{"files": [str(directory / f"{name}.json")]}]
    return found


class Replica:
    """A running service process that can be killed and started again under the same addresses."""

    def __init__(self, directory: Path, artifact: Path, **settings: object) -> None:
        self.port, self.metrics_port = a_port(), a_port()
        self.metrics = f"127.0.0.1:{self.metrics_port}"
        self._directory, self._artifact, self._settings = directory, artifact, settings
        self.start()

    def start(self) -> None:
        """Start the process; it answers when this returns."""
        log = self._directory / f"service-{self.port}-{time.monotonic_ns()}.log"
        settings = {"RELEASE": RELEASE, **self._settings, "PORT": self.port, "METRICS_PORT": self.metrics_port}
        self.service = run_app(self._artifact, log, **settings)

    def crash(self) -> None:
        """Kill the process as ``kill -9`` does."""
        if self.service.process.poll() is None:
            self.service.process.kill()
        self.service.close()


@dataclasses.dataclass
class Scene:
    """A service that something happens to: its replicas, who asks them, who watches them, and since when it is ill."""

    name: str
    directory: Path
    replicas: list[Replica]
    prometheus: Prometheus
    traffic: Traffic
    rules: Rules
    fault_at: float = 0.0

    def discover(self, *replicas: Replica) -> None:
        """Let Prometheus find these replicas and no others."""
        draft = self.directory / "draft"
        draft.write_text(json.dumps([{"targets": [replica.metrics for replica in replicas]}]))
        draft.rename(self.directory / "stable.json")

    def firing(self, alert: str) -> bool:
        """Whether an alert fires in Prometheus, whoever is told."""
        return bool(self.prometheus.query(f'ALERTS{{alertname="{alert}",alertstate="firing"}}'))


class Stage:
    """Where scenes play. Ends with its ``exit_stack``, whatever became of them."""

    def __init__(self, directory: Path, exit_stack: ExitStack) -> None:
        self._directory, self._exit = directory, exit_stack
        self._pool = exit_stack.enter_context(ThreadPoolExecutor(32))
        self._faults: list[Future[None]] = []
        self._traffic: list[Traffic] = []
        exit_stack.callback(self._end_traffic)  # comes last: whoever still waits for an answer then gets none
        self.inbox = Inbox()
        exit_stack.callback(self.inbox.server_close)
        exit_stack.callback(self.inbox.shutdown)
        told = alertmanager_configuration([Contact(name="hook", kind="webhook", address=self.inbox.url)])
        self.alertmanager = Alertmanager(directory / "alertmanager", faster.configuration(told, FACTOR))
        exit_stack.callback(self.alertmanager.end)

    def replica(self, artifact: Path, **settings: object) -> Replica:
        """A replica that runs until the end, unless it crashes."""
        found = Replica(self._directory, artifact, **settings)
        self._exit.callback(found.crash)
        return found

    def scene(
        self,
        name: str,
        artifact: Path,
        body: Body,
        *,
        replicas: int = 1,
        slo: Slo = PATIENT,
        callers: int = 1,
        per_second: float = 10,
        **settings: object,
    ) -> Scene:
        """A healthy service: its replicas are scraped and answer."""
        directory = self._directory / name
        buckets = ",".join(f"{bound:g}" for bound in slo.buckets)
        options = {"LATENCY_BUCKETS": buckets, **settings}
        starts = [self._pool.submit(self.replica, artifact, **options) for _ in range(replicas)]
        wait(starts)
        running = [start.result() for start in starts]
        rules = rules_for(slo, replicas)
        prometheus = Prometheus(
            directory,
            prometheus_configuration(directory, name, self.alertmanager.url),
            rules_text(rules),
            f"--query.lookback-delta={LOOKBACK_SECONDS}s",
        )
        self._exit.callback(prometheus.end)
        addresses = [replica.service.address for replica in running]
        traffic = Traffic(addresses, body, callers=callers, per_second=per_second)
        self._traffic.append(traffic)
        found = Scene(name, directory, running, prometheus, traffic, rules)
        found.discover(*running)
        until(f"{name} is scraped", lambda: prometheus.value('sum(up{job="service"})') == replicas)
        until(f"{name} is asked", lambda: prometheus.value("sum(api_requests_total)") > 20)
        return found

    def prepare(self, *scenes: Callable[[], Scene]) -> dict[str, Scene]:
        """Several scenes, set up at the same time."""
        made = [self._pool.submit(scene) for scene in scenes]
        wait(made)  # also where one fails, so that nothing begins after the end
        return {scene.name: scene for scene in (future.result() for future in made)}

    def begin(self, scene: Scene, fault: Callable[[], None]) -> None:
        """Let the fault happen, in a thread of its own. Nothing may have been wrong before."""
        assert not self.inbox.notices(scene.name), f"{scene.name} was ill before its fault"
        scene.fault_at = time.monotonic()
        self._faults.append(self._pool.submit(fault))
        self._exit.callback(wait, [self._faults[-1]])

    def _end_traffic(self) -> None:
        for traffic in self._traffic:
            traffic.end()

    def told(self, scene: Scene, alert: str) -> Notice:
        """The first notification of ``alert``, waited for."""

        def first() -> Notice | None:
            for fault in self._faults:
                if fault.done():
                    fault.result()  # raises what became of it
            found = self.inbox.notices(scene.name, alert)
            return found[0] if found else None

        notice = until(f"{alert} of {scene.name} reaches the webhook", first)
        assert notice is not None
        return notice

    def suppressed(self, scene: Scene, alert: str) -> None:
        """Wait until ``alert`` fires in Prometheus and the Alertmanager holds it back."""
        until(f"{alert} of {scene.name} fires", lambda: scene.firing(alert))
        until(
            f"{alert} of {scene.name} is held back",
            lambda: self.alertmanager.states(scene.name).get(alert) == "suppressed",
        )
