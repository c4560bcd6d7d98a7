"""The local Docker engine: network → telemetry → registry → image → compute → verification → monitoring → exports."""

from __future__ import annotations

import pulumi

from components.local.compute import Compute
from components.local.container import engine_id
from components.local.monitoring import Monitoring
from components.local.network import Network
from components.local.registry import Registry
from components.local.settings import Settings
from components.local.telemetry import Telemetry
from components.spec import UnsupportedError
from components.verification import Verification
from stacks import config, release
from stacks.outputs import export
from stacks.watch import watched


def program() -> None:
    """Declare the stack: two releases behind a weighted proxy, watched by Prometheus, on this machine."""
    release.previous()
    settings = config.read(Settings)
    environment, own = settings.environment, settings.own
    if settings.training:
        raise UnsupportedError("local", "a training job", "remove training from the configuration; run `make train`")
    if settings.tracking:
        raise UnsupportedError("local", "a tracking store", "remove tracking from the configuration; run `make mlflow`")
    network = Network("network", environment, settings.network)
    telemetry = Telemetry("telemetry", environment, settings=own)
    registry = Registry("registry", environment)
    traffic = release.traffic(settings, registry, platforms=(), engine_id=engine_id)
    compute = Compute("compute", environment, settings.service, settings=own, network=network, traffic=traffic)
    verification = Verification("verification", environment, settings.verification, traffic=traffic, compute=compute)
    monitoring = Monitoring(
        "monitoring",
        environment,
        watched(settings, traffic),
        settings=own,
        network=network,
        telemetry=telemetry,
        compute=compute,
    )
    export(
        settings,
        traffic=traffic,
        telemetry=telemetry,
        compute=compute,
        verification=verification,
        monitoring=monitoring,
        registry=registry,
    )
    pulumi.export("alertsUrl", monitoring.alerts_url)
