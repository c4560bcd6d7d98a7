"""GCP: network → telemetry → registry → image → compute → verification → monitoring → training → tracking → exports."""

from __future__ import annotations

import pulumi

from components.gcp import agent
from components.gcp.compute import Compute
from components.gcp.encryption import Encryption
from components.gcp.monitoring import Monitoring
from components.gcp.network import Network
from components.gcp.registry import Registry
from components.gcp.services import Services
from components.gcp.settings import Settings
from components.gcp.telemetry import Telemetry
from components.gcp.tracking import TrackingStore
from components.gcp.training import TrainingJob
from components.verification import Verification
from stacks import config, release
from stacks.outputs import export
from stacks.watch import watched


def program() -> None:
    """Declare the stack: Cloud Run behind Google's ingress, the data in production under a key of its own."""
    before = release.previous()
    settings = config.read(Settings)
    environment, own = settings.environment, settings.own
    database = settings.tracking is not None
    services = Services("services", environment, settings=own, database=database)
    encryption = None
    if environment.production:
        encryption = Encryption("encryption", environment, settings=own, services=services, database=database)
    network = Network("network", environment, settings.network, settings=own, services=services)
    telemetry = Telemetry("telemetry", environment, settings.monitoring, settings=own, services=services)
    registry = Registry("registry", environment, settings=own, services=services, encryption=encryption)
    traffic = release.traffic(settings, registry)
    compute = Compute(
        "compute",
        environment,
        settings.service,
        settings=own,
        traffic=traffic,
        served=release.served(before),
        services=services,
        network=network,
        registry=registry,
        telemetry=telemetry,
    )
    verification = Verification("verification", environment, settings.verification, traffic=traffic, compute=compute)
    monitoring = Monitoring(
        "monitoring",
        environment,
        watched(settings, traffic, agent.series(environment)),
        settings=own,
        services=services,
        compute=compute,
    )
    training = None
    if settings.training:
        training = TrainingJob(
            "training",
            environment,
            settings.training,
            settings=own,
            image=release.training_image(settings, registry),
            services=services,
            network=network,
            registry=registry,
            telemetry=telemetry,
            encryption=encryption,
        )
    tracking = None
    if settings.tracking:
        tracking = TrackingStore(
            "tracking",
            environment,
            settings.tracking,
            settings=own,
            services=services,
            network=network,
            encryption=encryption,
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
