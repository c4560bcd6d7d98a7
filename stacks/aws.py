"""AWS: account → network → telemetry → registry → image → compute → verification → monitoring → training → tracking →
exports.
"""

from __future__ import annotations

import pulumi

from components.aws import checks
from components.aws.account import Account
from components.aws.compute import Compute
from components.aws.monitoring import Monitoring
from components.aws.network import Network
from components.aws.registry import Registry
from components.aws.settings import Settings
from components.aws.telemetry import Telemetry
from components.aws.tracking import TrackingStore
from components.aws.training import TrainingJob
from components.verification import Verification
from stacks import config, release
from stacks.outputs import export
from stacks.watch import watched


def program() -> None:
    """Declare the stack."""
    release.previous()
    settings = config.read(Settings)
    environment, own = settings.environment, settings.own
    checks.check(
        environment,
        own,
        service=settings.service,
        training=settings.training,
        tracking=settings.tracking,
        monitoring=settings.monitoring,
    )
    account = Account("account", environment, settings=own)
    network = Network(
        "network",
        environment,
        settings.network,
        settings=own,
        account=account,
        public=settings.service.ingress == "public",
        log_retention_days=settings.monitoring.log_retention_days,
    )
    telemetry = Telemetry("telemetry", environment, settings.monitoring, account=account)
    registry = Registry("registry", environment, account=account)
    traffic = release.traffic(settings, registry)
    compute = Compute(
        "compute",
        environment,
        settings.service,
        settings=own,
        traffic=traffic,
        account=account,
        network=network,
        registry=registry,
        telemetry=telemetry,
    )
    verification = Verification("verification", environment, settings.verification, traffic=traffic, compute=compute)
    monitoring = Monitoring(
        "monitoring", environment, watched(settings, traffic), account=account, telemetry=telemetry, compute=compute
    )
    training = None
    if settings.training:
        training = TrainingJob(
            "training",
            environment,
            settings.training,
            image=release.training_image(settings, registry),
            account=account,
            network=network,
            registry=registry,
            telemetry=telemetry,
            compute=compute,
        )
        pulumi.export("trainingCommand", training.command)
    tracking = None
    if settings.tracking:
        tracking = TrackingStore(
            "tracking",
            environment,
            settings.tracking,
            account=account,
            network=network,
            log_retention_days=settings.monitoring.log_retention_days,
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
    pulumi.export("trackingSecret", tracking.secret if tracking else None)
    pulumi.export("trackingSecurityGroup", tracking.group if tracking else None)
    pulumi.export("cluster", compute.cluster.name)
    pulumi.export("taskDefinitions", {slot: service.task_definition for slot, service in compute.services.items()})
