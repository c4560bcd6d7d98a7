"""A stack, real services of its releases, callers that meet them as the cloud shares its traffic, and a Prometheus."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.artifact import load
from delivery import sbom
from delivery.release import verdict
from delivery.signature import Signer
from delivery.steps import Deployed
from delivery.store import Store
from delivery.unit import make
from tests.app.service import Service, run_app
from tests.delivery.conftest import Keys
from tests.engine.driver import Deployment, kill_with_descendants
from tests.engine.rollout import figures
from tests.engine.rollout.public import shares
from tests.observability.live.programs import Prometheus

MOST_REQUESTS = 200_000
"""An hour of them: a file of tests shares its callers."""
REPOSITORY = "registry.test/serving"
PACE = ("--bake", "3", "--patience", "60", "--pause", "1")
"""A rollout in seconds instead of minutes."""


class Callers:
    """Callers of the public address, ``per_second`` in all, each request to a release by the cloud's shares."""

    def __init__(self, stack: Deployment, per_second: float = 60) -> None:
        self.answers: dict[str, Counter[int]] = {}
        self.bodies: dict[str, Any] = {}
        self.services: dict[str, Service] = {}
        self.per_second = per_second
        self._stack, self._done = stack, threading.Event()
        self._thread = threading.Thread(target=self._call)
        self._thread.start()

    def serve(self, release: str, service: Service, *bodies: Any) -> None:
        """A release's service, and what callers ask of it in turn."""
        self.bodies[release] = list(bodies)
        self.services[release] = service

    def _call(self) -> None:
        dice = random.Random(1)
        for number in range(MOST_REQUESTS):
            if self._done.wait(1 / self.per_second):
                return
            now = shares(self._stack.cloud)
            known = [release for release in now if release in self.services]
            if not known:
                continue
            (release,) = dice.choices(known, [now[release] for release in known])
            self._ask(release, self.bodies[release][number % len(self.bodies[release])])

    def _ask(self, release: str, body: Any) -> None:
        connection = http.client.HTTPConnection(*self.services[release].address, timeout=30)
        try:
            connection.request("POST", "/predict", json.dumps(body), {"content-type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        self.answers.setdefault(release, Counter())[status] += 1

    def counted(self) -> figures.Met:
        """What they have met so far."""
        return Counter(
            {(of, status): count for of, each in [*self.answers.items()] for status, count in [*each.items()]}
        )

    def end(self) -> None:
        """Stop asking."""
        self._done.set()
        self._thread.join()


class Stage:
    """All of it, for one stack; ``end`` stops what was started."""

    def __init__(self, stack: Deployment, directory: Path, trained: Path, keys: Keys) -> None:
        self.stack, self.callers = stack, Callers(stack)
        self._directory, self._trained, self._keys = directory, trained, keys
        self._targets = directory / "targets.json"
        self._targets.write_text("[]")
        self._services: list[Service] = []
        scrape = {"job_name": "service", "file_sd_configs": [{"files": [str(self._targets)], "refresh_interval": "1s"}]}
        configuration = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]}
        self.prometheus = Prometheus(directory / "prometheus", configuration, "groups: []")

    def start(self, release: Deployed, artifact: Path, *bodies: Any) -> None:
        """A real service of ``release`` that serves ``artifact`` to callers, who ask it for ``bodies``."""
        service = run_app(artifact, self._directory / f"{release.id}.log", RELEASE=release.id)
        self._services.append(service)
        draft = self._targets.with_suffix(".draft")
        targets = ["{}:{}".format(*each.address) for each in self._services if each.process.poll() is None]
        draft.write_text(json.dumps([{"targets": targets}]))
        draft.rename(self._targets)
        self.callers.serve(release.id, service, *bodies)

    def release(self, letter: str) -> tuple[Deployed, Path]:
        """A signed release of the trained model in another image, and its directory."""
        artifact = load(self._trained)
        manifest = artifact.manifest
        unit = make(
            name="iris",
            model_version=manifest.version,
            image=f"{REPOSITORY}@sha256:{letter * 64}",
            image_bytes=1,
            commit=letter * 40,
            created="2026-01-01T00:00:00Z",
            gate=verdict(artifact.directory).gate,
        )
        store = Store(self._directory / "artifacts" / "iris")
        bom = sbom.of_release((self._directory / "sbom.cdx.json").read_bytes(), unit, manifest)
        directory, _ = store.write(unit, artifact, bom, Signer(self._keys.private))
        return Deployed.of(unit), directory

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """``python -m delivery <arguments>`` on the stack, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "delivery", *arguments, "--stack", self.stack.stack],
            cwd=self.stack.directory,
            env={**self.stack.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def rollout(self, release: Path, *options: str) -> subprocess.Popen[str]:
        """``delivery rollout`` to a release's directory, at a fast pace."""
        key = ("--public-key", str(self._keys.public))
        return self.command("rollout", str(release), *key, "--prometheus", self.prometheus.url, *PACE, *options)

    def finish(self, process: subprocess.Popen[str], seconds: float = 300) -> tuple[int, str]:
        """Its exit status and what it said."""
        said, _ = process.communicate(timeout=seconds)
        return process.returncode, said

    @property
    def public(self) -> Mapping[str, int]:
        """Release → its share of the traffic."""
        return shares(self.stack.cloud)

    def outputs(self) -> dict[str, Any]:
        """What the stack's state says."""
        return json.loads(self.stack.run("stack", "output", "--json").stdout)

    def carry_out(self, scenario: str, candidate: Deployed, release: Path, *options: str) -> tuple[int, str]:
        """A whole rollout; what callers met meanwhile is kept under the name of the ``scenario`` (`figures`)."""
        before, began = self.callers.counted(), time.monotonic()
        status, said = self.finish(self.rollout(release, *options))
        seconds, met = time.monotonic() - began, self.callers.counted()
        met.subtract(before)
        figures.keep(scenario, self.stack.stack, status, said, seconds, met, candidate.id)
        return status, said

    def interrupt(self, process: subprocess.Popen[str], number: int) -> None:
        """Send a signal to everything that ``process`` runs, as a terminal does, or the end of a machine."""
        if number == signal.SIGKILL:
            kill_with_descendants(process)
        else:
            os.killpg(process.pid, number)

    def run_out(self) -> None:
        """Let the lease that a dead rollout left run out now."""
        for file in self.stack.state.rglob(f"{self.stack.stack}.json"):
            if file.parent.parent.name != "stacks":
                continue
            state = json.loads(file.read_text())
            for resource in state["checkpoint"]["latest"]["resources"]:
                if resource["type"] == "pulumi:pulumi:Stack":
                    lease = json.loads(resource["outputs"]["lease"])
                    resource["outputs"]["lease"] = json.dumps({**lease, "until": time.time()})
            file.write_text(json.dumps(state))

    def end(self) -> None:
        """Stop everything."""
        self.callers.end()
        self.prometheus.end()
        for service in self._services:
            if service.process.poll() is None:
                service.process.terminate()
            service.close()


def until(process: subprocess.Popen[str], text: str, seconds: float = 240) -> str:
    """What ``process`` says up to the line that holds ``text``."""
    assert process.stdout
    said: list[str] = []
    deadline = time.monotonic() + seconds
    for line in process.stdout:
        said.append(line)
        if text in line:
            return "".join(said)
        assert time.monotonic() < deadline, "".join(said)
    raise AssertionError(f"it ended without {text!r}:\n{''.join(said)}")


def lines_with(said: str, *words: str) -> Sequence[str]:
    """The lines that hold all ``words``."""
    return [line for line in said.splitlines() if all(word in line for word in words)]
