"""`delivery rollout` and `rollback` on the stack ``dev`` with real containers, under load that counts what fails."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.artifact import load
from delivery import sbom
from delivery.release import verdict
from delivery.signature import Signer
from delivery.store import Store
from delivery.unit import make
from tests.delivery.conftest import make_keys, write_packages
from tests.engine.driver import Deployment
from tests.engine.local.conftest import DeployLocal
from tests.engine.local.machine import Docker, train
from tests.engine.local.test_dev import outputs
from tests.engine.rollout import figures
from tests.engine.rollout.stage import lines_with, until

pytestmark = [
    pytest.mark.engine,
    pytest.mark.plugin,
    pytest.mark.containers,
    pytest.mark.registry,
    pytest.mark.timeout(900),
]

STABLE, CANDIDATE = "a" * 40, "b" * 40
"""The commits of the two releases."""
OBJECTIVES = {"minimumRequests": 30, "latency": {"thresholdSeconds": 0.25}, "quality": {"minimumRows": 30}}
STEPS = ("--steps", "20,100", "--pause", "1", "--patience", "120")
CLIENTS = 3
FLOWERS = [
    dict(zip(("sepal_length", "sepal_width", "petal_length", "petal_width"), row, strict=True))
    for row in ((5.1, 3.5, 1.4, 0.2), (6.0, 2.9, 4.5, 1.5), (6.3, 3.3, 6.0, 2.5))
]
"""One of each class, which callers ask for alike: predictions of a single class would be drift."""


class Callers:
    """Clients of the public address that keep their connections; ``met`` counts by model version and status."""

    def __init__(self, url: str) -> None:
        self.met: figures.Met = Counter()
        self._url, self._done, self._lock = url, threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._call) for _ in range(CLIENTS)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        flowers = itertools.cycle(FLOWERS)
        with httpx.Client(base_url=self._url, timeout=30) as client:
            while not self._done.wait(0.03):
                try:
                    answer = client.post("/predict", json=next(flowers))
                    met = (answer.json().get("model_version", ""), answer.status_code)
                except httpx.TransportError as error:
                    met = (repr(error), 0)
                with self._lock:
                    self.met[met] += 1

    def of(self, version: str) -> int:
        """How many requests a model has answered."""
        return self.met[version, 200]


class Delivered:
    """The stack with its stable release, a candidate in a registry, and the command that brings it in."""

    def __init__(self, stack: Deployment, versions: tuple[str, str], release: Path, public_key: Path) -> None:
        self.stack, self.release = stack, release
        self.old, self.new = versions
        self._public_key = public_key

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """``python -m delivery <arguments>``."""
        return subprocess.Popen(
            [sys.executable, "-m", "delivery", *arguments, "--stack", "dev"],
            cwd=self.stack.directory, env={**self.stack.environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def rollout(self, bake: int) -> subprocess.Popen[str]:
        """A rollout of the candidate."""
        key = ("--public-key", str(self._public_key))
        return self.start("rollout", str(self.release), *key, *STEPS, "--bake", str(bake))

    @contextmanager
    def kept(self, scenario: str, callers: Callers) -> Generator[list[Any]]:
        """Keep what callers meet under the name of the scenario; the block gives status and words of the command."""
        before, began, told = callers.met.copy(), time.monotonic(), []
        yield told
        met = callers.met.copy()
        met.subtract(before)
        status, said = told
        figures.keep(scenario, "dev", status, said, time.monotonic() - began, met, self.new)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status and what it said."""
    said, _ = process.communicate(timeout=400)
    return process.returncode, said


@pytest.fixture(scope="module")
def delivered(
    local: DeployLocal, docker: Docker, test_registry: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Delivered]:
    """The stack, deployed from a checkout first and then by releases from a registry."""
    stack, folder = local(config={"monitoring": {"slo": OBJECTIVES}}), tmp_path_factory.mktemp("delivered")
    stack.edit("components/agent.py", "SCRAPE_SECONDS = 15", "SCRAPE_SECONDS = 1")
    images: list[tuple[str, str]] = []
    for name, options in (("old", ()), ("new", ("--seed", "7"))):
        train(stack.directory, *options)
        up = stack.up()
        assert up.succeeded, up.output
        found = outputs(stack)
        images.append((found["modelVersion"], pushed(docker, found["image"], f"{test_registry}/rollout:{name}")))
    (old, old_image), (new, new_image) = images
    stable = {"image": old_image, "modelVersion": old, "commit": STABLE}
    stack.configure({"image": None, "stable": stable})
    up = stack.up()
    assert up.succeeded, up.output
    keys = make_keys(folder / "keys")
    yield Delivered(
        stack, (old, new), signed(stack.directory / "artifacts/iris", new, new_image, keys.private, folder), keys.public
    )
    stack.run("state", "unprotect", "--all", "--yes")
    stack.destroy()
    docker("rmi", "--force", *(f"{test_registry}/rollout:{name}" for name in ("old", "new")))


def pushed(docker: Docker, image: str, tag: str) -> str:
    """The image, pushed as ``tag``: its reference by digest."""
    docker("tag", image, tag)
    docker("push", "--quiet", tag)
    repository = tag.rpartition(":")[0]
    references = docker("image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', tag).splitlines()
    return next(reference for reference in references if reference.startswith(repository))


def signed(models: Path, version: str, image: str, key: Path, folder: Path) -> Path:
    """A signed release of a model in an image; its directory."""
    artifact = load(models / version)
    unit = make(
        name="iris",
        model_version=version,
        image=image,
        image_bytes=1,
        commit=CANDIDATE,
        created="2026-01-01T00:00:00Z",
        gate=verdict(artifact.directory).gate,
    )
    packages = write_packages(folder / "site-packages", {"alpha": ("1.0", "MIT")})
    bom = sbom.of_release(sbom.of_environment(packages), unit, artifact.manifest)
    directory, _ = Store(folder / "releases").write(unit, artifact, bom, Signer(key))
    return directory


def test_a_canary_is_taken_back_and_then_promoted_and_taken_back_again_and_no_request_fails(
    delivered: Delivered,
) -> None:
    new, old = delivered.new, delivered.old
    with Callers(outputs(delivered.stack)["url"]) as callers:
        with delivered.kept("rollback of a canary at 20 %", callers) as told:
            driver = delivered.rollout(bake=600)
            said = until(driver, "watching")
            deadline = time.monotonic() + 60
            while callers.of(new) < 50:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            status, back = finish(delivered.start("rollback"))
            assert status == 0, back
            told[:] = finish(driver)[0], said
        assert told[0] == 2, "the rollout ends where the stack was taken from it"
        seen = callers.of(new)
        assert 0.05 < seen / callers.met.total() < 0.5

        with delivered.kept("healthy", callers) as told:
            told[:] = finish(delivered.rollout(bake=5))
        assert told[0] == 0, told[1]
        assert lines_with(told[1], "watching", "at 100 %")
        before = callers.of(old)
        time.sleep(2)
        assert callers.of(old) == before, "the candidate has all the traffic"

        status, back = finish(delivered.start("rollback"))
        assert status == 0, back
        before = callers.of(new)
        time.sleep(2)
        assert callers.of(new) == before, "the release before has it again"
    assert {met for met in callers.met if callers.met[met]} == {(old, 200), (new, 200)}
    assert callers.met.total() > 1_000
