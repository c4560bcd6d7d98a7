"""What a stack is watched for: the rules that its objectives give for what it deploys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from components.release import Traffic
from components.spec import MonitoringSpec
from observability.alerts import Watch
from observability.series import Series
from stacks.config import Settings


def watched(settings: Settings[Any], traffic: Traffic, series: Series | None = None) -> MonitoringSpec:
    """The stack's monitoring with its rules.

    ``series`` tells the deployment's series from others in the same store; none is needed where the store is its own.
    """
    environment = settings.environment
    watch = Watch(
        slo=settings.slo,
        series=series or Series(),
        replicas=settings.service.min_replicas,
        service=f"{environment.project}-{environment.stack}",
        runbooks=settings.runbooks,
    )
    releases = [release for release in (traffic.stable, traffic.candidate) if release is not None]
    ids = tuple(release.id for release in releases)
    return replace(settings.monitoring, watch=watch, rules=watch.rules(), releases=ids)
