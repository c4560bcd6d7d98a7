"""AWS's stacks under test: as their files say, beside a candidate, and with many settings changed at once.

A run takes a second, so a variant changes everything that the tests ask about together and runs once per session.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Literal

import pytest

from components.spec import Tier
from tests.components.aws import fakes
from tests.components.contract import STABLE, configuration, stack_name, stack_run
from tests.components.harness import PROJECT, Outputs, Run, run

Variant = Literal["plain", "candidate", "bare", "changed", "pinned", "retiring", "wrong region"]
SECRET = fakes.arn("secretsmanager", "secret:api-AbCdEf")
CERTIFICATE = fakes.arn("acm", "certificate/1")
CHANGES: dict[tuple[Tier, Variant], dict[str, Any]] = {
    ("dev", "changed"): {
        "network": {"cidr": "10.99.0.0/16"},
        "service": {
            "cpu": 1,
            "memoryMb": 2048,
            "targetConcurrency": 32,
            "secrets": {"TOKEN": f"{SECRET}:token::", "KEY": SECRET},
        },
        "aws": {
            "zones": ["a", "b", "c"],
            "nat": True,
            "verificationCidrs": ["203.0.113.7/32"],
            "requestSeconds": 0.05,
        },
        "receivers": [
            {"name": "pd", "kind": "pagerduty", "secret": "hook", "severities": ["page"]},
            {"name": "og", "kind": "opsgenie", "secret": "hook", "severities": ["ticket"]},
        ],
        "hook": "k1",
        "training": None,
        "tracking": None,
    },
    ("prod", "changed"): {
        "training": {"env": {"SOURCE": "sales"}, "secrets": {"PASSWORD": f"{SECRET}:password::"}},
        "service": {
            "ingress": "public",
            "authentication": {"issuer": "https://id.example.org/", "audience": "predictions"},
        },
        "aws": {
            "nat": True,
            "hostedZoneId": None,
            "certificateArn": CERTIFICATE,
            "clientCidrs": ["198.51.100.0/24"],
        },
        "tracking": {"machine": "db.m7g.large", "storageGb": 1024, "backupDays": 14},
    },
    ("dev", "pinned"): {"image": None, "stable": STABLE, "training": None},
    ("prod", "retiring"): {"retiring": True},
    ("dev", "wrong region"): {"aws": {"region": "us-east-1"}},
}


@pytest.fixture
def stack() -> Callable[..., Run]:
    """Runs the stack program of a tier: ``stack("dev")``, ``stack("dev", "changed")``, ``preview=True``."""

    def go(tier: Tier, variant: Variant = "plain", *, preview: bool = False) -> Run:
        if variant in ("plain", "candidate", "bare"):
            return stack_run("aws", tier, preview, variant)
        return _changed(tier, variant, preview)

    return go


@pytest.fixture
def run_with() -> Callable[[Outputs], Run]:
    """Runs the dev stack where AWS answers otherwise for some resources."""

    def go(outputs: Outputs) -> Run:
        def answer(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
            return {**fakes.outputs(type_, name, inputs), **outputs(type_, name, inputs)}

        return _run("dev", configuration("aws", "dev"), False, answer)

    return go


@functools.cache
def _changed(tier: Tier, variant: Variant, preview: bool) -> Run:
    """The stack's own file with a variant's changes; None removes a key."""
    config = configuration("aws", tier)
    for key, value in CHANGES[tier, variant].items():
        name = f"{PROJECT}:{key}"
        old = config.pop(name, None)
        if value is not None:
            config[name] = {**old, **value} if isinstance(old, dict) else value
    return _run(tier, config, preview, fakes.outputs)


def _run(tier: Tier, config: Mapping[str, Any], preview: bool, outputs: Outputs) -> Run:
    """The stack program with this configuration."""
    return run(
        import_module("stacks.aws").program,
        config=config,
        secrets=frozenset([f"{PROJECT}:hook"]),
        stack_name=stack_name("aws", tier),
        preview=preview,
        outputs=outputs,
        call=fakes.call,
    )
