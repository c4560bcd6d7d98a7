"""Everything that AWS would refuse, found before the first resource is asked for."""

from __future__ import annotations

from components.aws.database import instance_class
from components.aws.schedule import scheduler_expression
from components.aws.settings import Settings, check_secrets, check_service, fargate_size
from components.aws.topics import subscription
from components.spec import Environment, JobSpec, MonitoringSpec, ServiceSpec
from components.tracking import TrackingSpec


def check(
    environment: Environment,
    settings: Settings,
    *,
    service: ServiceSpec,
    training: JobSpec | None,
    tracking: TrackingSpec | None,
    monitoring: MonitoringSpec,
) -> None:
    """Raise SpecError or UnsupportedError: an update that fails halfway leaves a network behind."""
    check_service(environment, service, settings)
    for receiver in monitoring.receivers:
        subscription(receiver)
    if training is not None:
        fargate_size("training", training.cpu, training.memory_mb)
        check_secrets("training", training.secrets)
        if training.schedule is not None:
            scheduler_expression(training.schedule)
    if tracking is not None:
        instance_class(tracking)
