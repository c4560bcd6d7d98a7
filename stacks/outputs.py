"""The outputs of a stack: the same names from every cloud, for people and for delivery."""

from __future__ import annotations

from typing import Any

import pulumi

from components.contract import Compute, Monitoring, Registry, Telemetry, TrackingStore, TrainingJob
from components.release import Traffic
from components.tracking import SERVER_COMMAND
from components.verification import Verification
from stacks import lease
from stacks.config import Settings


def export(
    settings: Settings[Any],
    *,
    traffic: Traffic,
    telemetry: Telemetry,
    compute: Compute,
    verification: Verification,
    monitoring: Monitoring,
    registry: Registry,
    training: TrainingJob | None = None,
    tracking: TrackingStore | None = None,
) -> None:
    """Export what a person opens and what delivery needs; None stands where a stack has no such thing."""
    candidate = traffic.candidate
    outputs: dict[str, Any] = {
        "cloud": settings.environment.cloud,
        "environment": settings.environment.tier,
        "url": compute.url,
        "stableUrl": compute.stable_url,
        "candidateUrl": compute.candidate_url,
        "release": traffic.stable.id,
        "image": traffic.stable.image,
        "modelVersion": traffic.stable.model_version,
        "commit": traffic.stable.commit,
        "candidateRelease": candidate.id if candidate else None,
        "candidateImage": candidate.image if candidate else None,
        "candidateModelVersion": candidate.model_version if candidate else None,
        "candidateCommit": candidate.commit if candidate else None,
        "candidateWeight": traffic.candidate_weight,
        "lease": lease.left(),
        "verified": verification.verified,
        "identity": compute.identity,
        "dashboardUrl": monitoring.dashboard_url,
        "logsUrl": monitoring.logs_url,
        "alarms": dict(monitoring.alarms),
        "prometheusUrl": telemetry.query_url,
        "registry": registry.serving,
        "trainingRegistry": registry.training,
        "trainingJob": training.job if training else None,
        "artifacts": training.artifacts if training else None,
        "trackingDatabase": tracking.database if tracking else None,
        "trackingFiles": tracking.files if tracking else None,
        "trackingIdentity": tracking.identity if tracking else None,
        "trackingServer": (
            pulumi.Output.format(SERVER_COMMAND, tracking.database, tracking.files) if tracking else None
        ),
    }
    for name, value in outputs.items():
        pulumi.export(name, value)
