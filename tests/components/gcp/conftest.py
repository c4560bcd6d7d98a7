"""GCP's components under test: the whole stack with changed settings, or the components with specs of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import pytest

from components.release import Release, Traffic
from components.spec import Environment, MonitoringSpec, NetworkSpec, ServiceSpec, Tier
from tests.components.contract import configuration, stack_name, stack_run
from tests.components.gcp import fakes
from tests.components.harness import PROJECT, Run, run

AGENT = f"registry.test/agent@sha256:{'e' * 64}"


@pytest.fixture
def stack() -> Callable[..., Run]:
    """Runs the stack program: ``stack("dev", service={"cpu": 2})`` changes keys of the stack's own file.

    ``previous`` are the outputs of the update before.
    """

    def go(tier: Tier, *, preview: bool = False, previous: Mapping[str, Any] | None = None, **changes: Any) -> Run:
        if not changes and previous is None:
            return stack_run("gcp", tier, preview)
        config = configuration("gcp", tier)
        for key, value in changes.items():
            name = f"{PROJECT}:{key}"
            old = config.get(name)
            config[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, Mapping) else value
        return run(
            import_module("stacks.gcp").program,
            config=config,
            secrets=frozenset([f"{PROJECT}:hook"]),
            stack_name=stack_name("gcp", tier),
            preview=preview,
            previous=previous or {},
            outputs=fakes.outputs,
            call=fakes.call,
        )

    return go


@pytest.fixture(scope="session")
def build() -> Callable[..., Run]:
    """Runs the components without a stack, the same ones once; a hexadecimal letter tells releases apart."""
    known: dict[str, Run] = {}

    def go(
        stable: str = "a",
        *,
        candidate: str | None = None,
        weight: int = 0,
        served: Mapping[str, str] | None = None,
        spec: ServiceSpec | None = None,
        monitoring: MonitoringSpec | None = None,
        preview: bool = False,
    ) -> Run:
        key = repr((stable, candidate, weight, served, spec, monitoring, preview))
        traffic = Traffic(
            stable=_release(stable), candidate=_release(candidate) if candidate else None, candidate_weight=weight
        )
        if key not in known:
            known[key] = run(
                lambda: _program(traffic, served or {}, spec or ServiceSpec(), monitoring or MonitoringSpec()),
                stack_name="gcp-dev",
                preview=preview,
                outputs=fakes.outputs,
                call=fakes.call,
            )
        return known[key]

    return go


def _release(letter: str) -> Release:
    """A release all of whose parts are one letter."""
    return Release(model_version=letter * 16, image=f"registry.test/serving@sha256:{letter * 64}", commit=letter * 12)


def _program(
    traffic: Traffic, served: Mapping[str, str], spec: ServiceSpec, monitoring: MonitoringSpec
) -> dict[str, Any]:
    """The service and what it stands on, with the SDK imported only here."""
    from components.gcp.compute import Compute
    from components.gcp.monitoring import Monitoring
    from components.gcp.network import Network
    from components.gcp.registry import Registry
    from components.gcp.services import Services
    from components.gcp.settings import Settings
    from components.gcp.telemetry import Telemetry

    environment = Environment(cloud="gcp", tier="dev", project=PROJECT, stack="gcp-dev")
    own = Settings(project="some-project", agent_image=AGENT, invokers=("user:a@example.org",))
    services = Services("services", environment, settings=own)
    compute = Compute(
        "compute",
        environment,
        spec,
        settings=own,
        traffic=traffic,
        served=served,
        services=services,
        network=Network("network", environment, NetworkSpec(), settings=own, services=services),
        registry=Registry("registry", environment, settings=own, services=services, encryption=None),
        telemetry=Telemetry("telemetry", environment, monitoring, settings=own, services=services),
    )
    Monitoring("monitoring", environment, monitoring, settings=own, services=services, compute=compute)
    return {"revisions": compute.revisions, "candidateUrl": compute.candidate_url, "stableUrl": compute.stable_url}
