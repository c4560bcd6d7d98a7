"""Replicas in production: one replica, or one zone, is an outage waiting for its day."""

from __future__ import annotations

from pulumi_policy import ResourceValidationArgs, Severity

from .check import Check, Table, must_be, resource_rule
from .property import Property, show

MINIMUM = 2
ONE_ZONE = "a zone's failure would be the database's"
WHY = "the service would be down while its only replica restarts"


def at_least(path: str) -> Check:
    """A check that refuses fewer than two replicas in production; an unset number is the cloud's default, below two."""

    def refuse(found: Property, _args: ResourceValidationArgs) -> str | None:
        if isinstance(found.value, (int, float)) and found.value >= MINIMUM:
            return None
        return f"{found.path} is {show(found.value)}: {WHY}; set it to {MINIMUM} or more"

    return Check(path, refuse, prod_only=True)


def _cloud_run(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a service whose instances, counted per revision or over all of them, may be fewer than two."""
    counts = {path: found.at(path).value for path in ("template.scaling.minInstanceCount", "scaling.minInstanceCount")}
    if any(isinstance(count, (int, float)) and count >= MINIMUM for count in counts.values()):
        return None
    path, count = next(iter(counts.items()))
    return f"{path} is {show(count)}: {WHY}; set it to {MINIMUM} or more"


TABLE: Table = {
    "azure-native:app:ContainerApp": (at_least("template.scale.minReplicas"),),
    "azure-native:app:ManagedEnvironment": (
        must_be("zoneRedundant", True, why="all replicas could stand in one zone", prod_only=True),
    ),
    "azure-native:dbforpostgresql:Server": (
        must_be("highAvailability.mode", "ZoneRedundant", why=ONE_ZONE, prod_only=True),
    ),
    "aws:ecs/service:Service": (at_least("desiredCount"),),
    "aws:appautoscaling/target:Target": (at_least("minCapacity"),),
    "aws:rds/instance:Instance": (must_be("multiAz", True, why=ONE_ZONE, prod_only=True),),
    "gcp:cloudrunv2/service:Service": (Check("", _cloud_run, prod_only=True),),
    "gcp:sql/databaseInstance:DatabaseInstance": (
        must_be("settings.availabilityType", "REGIONAL", why=ONE_ZONE, prod_only=True),
    ),
}

REPLICAS = resource_rule("replicas-in-production", "Production runs at least two replicas.", TABLE, Severity.HIGH)
