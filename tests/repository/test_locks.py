"""The locks are complete, hashed, free of addresses and up to date with pyproject.toml. Part of `make check`."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = {
    "serve": ["serve"],
    "trace": ["trace"],
    "grpc": ["grpc"],
    "train": ["train"],
    "data": ["data"],
    "registry": ["registry"],
    "ray": ["ray"],
    "kernel": ["kernel"],
    "infra": ["azure", "aws", "gcp", "local"],
    "delivery": ["delivery"],
    "dev": [
        "serve",
        "trace",
        "grpc",
        "train",
        "data",
        "registry",
        "ray",
        "kernel",
        "azure",
        "aws",
        "gcp",
        "local",
        "delivery",
        "dev",
    ],
}


def entries(lock: Path) -> list[tuple[Requirement, list[str]]]:
    """Each pin of a lock with its hashes."""
    lines = lock.read_text().replace("\\\n", " ").splitlines()
    parsed = [line.split(" --hash=") for line in lines if line and not line.startswith("#")]
    return [(Requirement(pin.strip()), [digest.strip() for digest in digests]) for pin, *digests in parsed]


def applies(requirement: Requirement, extra: str = "") -> bool:
    """Whether a requirement counts on this system and Python."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


@pytest.fixture(params=EXTRAS)
def lock(request: pytest.FixtureRequest, repository: Path) -> Path:
    """Each lock in turn."""
    return repository / "requirements" / f"{request.param}.txt"


@pytest.fixture(params=[*EXTRAS, "mlflow"])
def any_lock(request: pytest.FixtureRequest, repository: Path) -> Path:
    """Each lock in turn, also the one of an environment of its own, which shares no version with the others."""
    return repository / "requirements" / f"{request.param}.txt"


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((repository / "pyproject.toml").read_text())


def asked_for(project: dict[str, Any], lock: Path) -> list[Requirement]:
    """What pyproject.toml asks for in the extras and groups of ``lock``."""
    extras: dict[str, list[str]] = project["project"]["optional-dependencies"] | project["dependency-groups"]
    found: list[Requirement] = []
    pending = list(EXTRAS[lock.stem])
    while pending:
        for requirement in map(Requirement, extras[pending.pop()]):
            if requirement.name == project["project"]["name"]:
                pending += requirement.extras
            else:
                found.append(requirement)
    return found


def test_every_pin_is_an_exact_version_with_hashes(any_lock: Path) -> None:
    for pin, digests in entries(any_lock):
        assert re.fullmatch(r"==[\w.!+]+", str(pin.specifier)), pin
        assert digests, pin
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in digests), pin


def test_no_lock_holds_an_address(any_lock: Path) -> None:
    text = any_lock.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|-e|--index|--extra-index|--find-links|--trusted-host)", text, re.MULTILINE)


def test_a_lock_holds_what_pyproject_asks_for_and_what_that_needs_and_nothing_else(
    lock: Path, project: dict[str, Any]
) -> None:
    pins = {canonicalize_name(pin.name): pin for pin, _ in entries(lock) if applies(pin)}
    needed: set[str] = set()
    pending = [(requirement, "") for requirement in asked_for(project, lock)]
    seen: set[tuple[str, frozenset[str]]] = set()
    while pending:
        requirement, extra = pending.pop()
        name = canonicalize_name(requirement.name)
        if not applies(requirement, extra) or (name, frozenset(requirement.extras)) in seen:
            continue
        seen.add((name, frozenset(requirement.extras)))
        needed.add(name)
        assert name in pins, f"{requirement} is not in {lock.name}: make lock"
        version = str(pins[name].specifier).removeprefix("==")
        assert requirement.specifier.contains(version, prereleases=True), f"{lock.name} has {version}: make lock"
        for text in requires(name) or []:
            pending += [(Requirement(text), each) for each in {"", *requirement.extras}]
    assert set(pins) == needed, f"{lock.name} holds more than is needed: make lock"


def test_all_locks_agree_on_the_versions(repository: Path, lock: Path) -> None:
    everything = {str(pin) for pin, _ in entries(repository / "requirements" / "dev.txt")}
    assert {str(pin) for pin, _ in entries(lock)} <= everything


def test_what_make_run_installs_holds_no_cloud_sdk_and_serving_no_training_library(repository: Path) -> None:
    names = {
        use: {canonicalize_name(pin.name) for pin, _ in entries(repository / "requirements" / f"{use}.txt")}
        for use in ("serve", "train")
    }
    assert not [name for name in names["serve"] | names["train"] if name.startswith(("pulumi", "mlflow"))]
    assert not names["serve"] & {"scikit-learn", "pandas", "pyarrow", "joblib", "onnx", "matplotlib"}
