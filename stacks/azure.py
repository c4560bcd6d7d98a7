"""Azure: network → telemetry → registry → image → compute → verification → monitoring → training → tracking →
exports.
"""

from __future__ import annotations

import pulumi

from components.azure.compute import Compute
from components.azure.monitoring import Monitoring
from components.azure.network import Network
from components.azure.registry import Registry
from components.azure.settings import Settings
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.azure.tracking import TrackingStore
from components.azure.training import TrainingJob
from components.verification import Verification
from stacks import config, release
from stacks.outputs import export
from stacks.watch import watched


def program() -> None:
    """Declare the stack: Container Apps in a private network, all of it in one resource group."""
    before = release.previous()
    settings = config.read(Settings)
    environment, own = settings.environment, settings.own
    group = ResourceGroup("group", environment, own)
    network = Network("network", environment, settings.network, group=group, database=settings.tracking is not None)
    telemetry = Telemetry("telemetry", environment, settings.monitoring, group=group)
    registry = Registry("registry", environment, own, group=group, network=network, telemetry=telemetry)
    traffic = release.traffic(settings, registry)
    compute = Compute(
        "compute",
        environment,
        settings.service,
        settings=own,
        traffic=traffic,
        served=release.served(before),
        group=group,
        network=network,
        registry=registry,
        telemetry=telemetry,
    )
    verification = Verification("verification", environment, settings.verification, traffic=traffic, compute=compute)
    monitoring = Monitoring(
        "monitoring", environment, watched(settings, traffic), group=group, telemetry=telemetry, compute=compute
    )
    training = None
    if settings.training:
        training = TrainingJob(
            "training",
            environment,
            settings.training,
            settings=own,
            image=release.training_image(settings, registry),
            group=group,
            network=network,
            registry=registry,
            telemetry=telemetry,
            compute=compute,
        )
    tracking = None
    if settings.tracking:
        tracking = TrackingStore(
            "tracking", environment, settings.tracking, settings=own, group=group, network=network, telemetry=telemetry
        )
    export(
        settings,
        traffic=traffic,
        telemetry=telemetry,
        compute=compute,
        verification=verification,
        monitoring=monitoring,
        registry=registry,
        training=training,
        tracking=tracking,
    )
    pulumi.export("revisions", compute.revisions)
    pulumi.export("containerApp", compute.app_id)
    pulumi.export("vault", compute.vault.uri)
    pulumi.export("trackingClientId", tracking.client_id if tracking else None)
