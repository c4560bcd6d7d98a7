"""What the contract suite asks of every cloud: whole stack programs, run once each, and how to read them.

Each cloud has ``tests/components/<cloud>/fakes.py`` with the functions of ``Fakes``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, cast, get_args

import yaml

from components.spec import Cloud, Tier
from tests.components.harness import PROJECT, Run, run

REPOSITORY = Path(__file__).resolve().parents[2]
SECRET = "a-secret-that-must-not-leak"
STABLE = {"modelVersion": "0123456789abcdef", "commit": "1" * 40, "image": f"registry.test/serving@sha256:{'a' * 64}"}
CANDIDATE = {**STABLE, "modelVersion": "fedcba9876543210", "image": f"registry.test/serving@sha256:{'b' * 64}"}
TRAINING_IMAGE = f"registry.test/training@sha256:{'c' * 64}"
TRACKING_URL = "https://mlflow.example.org"
AGENT_IMAGE = f"registry.test/agent@sha256:{'d' * 64}"

Variant = Literal["plain", "candidate", "tagged", "bare"]
"""``bare`` has nothing that a stack may do without."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One running release as the cloud was asked for it.

    ``env`` holds the plain variables, ``secrets`` the references; ``public_ports`` what the ingress can reach. A probe
    is the path it asks for; a cloud without one kind of probe repeats the one that does its work. ``agent_image`` is
    None where the replicas can be scraped from outside.
    """

    slot: Literal["stable", "candidate"]
    image: str
    env: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    public_ports: tuple[int, ...]
    startup: str
    readiness: str
    liveness: str
    grace_seconds: int
    min_replicas: int
    max_replicas: int
    agent_image: str | None
    weight: int


class Fakes(Protocol):
    """A cloud's part in the suite."""

    def outputs(self, type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Outputs (camelCase) where the default, ``<name>-<property>`` for each text, is not good enough."""
        ...

    def call(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of an invoke."""
        ...

    def services(self, run: Run) -> Sequence[Service]:
        """The releases that run, stable first."""
        ...

    def training_variables(self, run: Run) -> Mapping[str, Any]:
        """The plain variables of the training job, which only clouds have."""
        ...

    def excessive_rights(self, run: Run) -> Sequence[str]:
        """Every right granted that is wider than the workload's need, as a sentence; none is expected."""
        ...

    def data(self, run: Run) -> Sequence[str]:
        """The URNs of everything that holds data."""
        ...


def fakes(cloud: Cloud) -> Fakes:
    """The cloud's part in the suite."""
    return cast(Fakes, import_module(f"tests.components.{cloud}.fakes"))


def stack_name(cloud: Cloud, tier: Tier) -> str:
    """The name of the stack, and of its file."""
    return "dev" if cloud == "local" else f"{cloud}-{tier}"


def stacks() -> list[tuple[Cloud, Tier]]:
    """Every stack that has a file; production has none on this machine."""
    pairs: list[tuple[Cloud, Tier]] = [(cloud, tier) for cloud in get_args(Cloud) for tier in get_args(Tier)]
    return [pair for pair in pairs if pair != ("local", "prod")]


def configuration(cloud: Cloud, tier: Tier, variant: Variant = "plain") -> dict[str, Any]:
    """The stack's own file, with releases and a secret receiver added."""
    file = REPOSITORY / f"Pulumi.{stack_name(cloud, tier)}.yaml"
    found = cast(dict[str, Any], yaml.safe_load(file.read_text(encoding="utf-8"))["config"])
    if tier == "prod":  # its digest is known only to those who copied it
        found[f"{PROJECT}:{cloud}"] = {"agentImage": AGENT_IMAGE, **found.get(f"{PROJECT}:{cloud}", {})}
    own: dict[str, Any] = {
        "model": "iris@0123456789abcdef",
        "receivers": [
            {"name": "oncall", "kind": "webhook", "secret": "hook", "severities": ["page"]},
            {"name": "team", "kind": "email", "address": "team@example.org"},
        ],
        "hook": f"https://hooks.example.org/{SECRET}",
    }
    if found.get(f"{PROJECT}:image") != "build" or variant == "candidate":
        found.pop(f"{PROJECT}:image", None)
        own |= {"stable": STABLE, "trainingImage": TRAINING_IMAGE}
    if variant == "candidate":
        own |= {"candidate": CANDIDATE, "candidateWeight": "5"}
    if cloud == "local":
        own["local"] = {"smarthost": "mail.example.org:25"}
    else:
        own["tracking"] = {}
        own["training"] = {**found.get(f"{PROJECT}:training", {}), "trackingUrl": TRACKING_URL}
    if variant == "tagged":
        own["tags"] = {"cost-center": "4711"}
    whole = found | {f"{PROJECT}:{key}": value for key, value in own.items()}
    optional = ("training", "trainingImage", "tracking") if variant == "bare" else ()
    return {key: value for key, value in whole.items() if key.removeprefix(f"{PROJECT}:") not in optional}


@functools.cache
def stack_run(cloud: Cloud, tier: Tier, preview: bool = False, variant: Variant = "plain") -> Run:
    """The whole program of a stack, run once per test session."""
    fake = fakes(cloud)
    return run(
        import_module(f"stacks.{cloud}").program,
        config=configuration(cloud, tier, variant),
        secrets=frozenset([f"{PROJECT}:hook"]),
        stack_name=stack_name(cloud, tier),
        preview=preview,
        outputs=fake.outputs,
        call=fake.call,
    )
