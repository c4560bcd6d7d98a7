from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policy.rules.replicas import REPLICAS, TABLE

PASSES: list[tuple[str, dict[str, Any]]] = [
    ("azure-native:app:ContainerApp", {"template": {"scale": {"minReplicas": 2.0}}}),
    ("azure-native:app:ManagedEnvironment", {"zoneRedundant": True}),
    ("azure-native:dbforpostgresql:Server", {"highAvailability": {"mode": "ZoneRedundant"}}),
    ("aws:ecs/service:Service", {"desiredCount": 2.0}),
    ("aws:appautoscaling/target:Target", {"minCapacity": 3.0}),
    ("aws:rds/instance:Instance", {"multiAz": True}),
    ("gcp:sql/databaseInstance:DatabaseInstance", {"settings": {"availabilityType": "REGIONAL"}}),
    ("gcp:cloudrunv2/service:Service", {"template": {"scaling": {"minInstanceCount": 2.0}}}),
    ("gcp:cloudrunv2/service:Service", {"scaling": {"minInstanceCount": 2.0}, "template": {}}),
]

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("azure-native:app:ContainerApp", {"template": {"containers": []}}, "template.scale.minReplicas is not set"),
    ("azure-native:app:ContainerApp", {"template": {"scale": {"minReplicas": 1.0}}}, "minReplicas is 1: "),
    ("azure-native:app:ManagedEnvironment", {}, "zoneRedundant is not set"),
    ("azure-native:dbforpostgresql:Server", {"highAvailability": {"mode": "SameZone"}}, 'mode is "SameZone": a zone'),
    ("aws:ecs/service:Service", {"desiredCount": 0.0}, "desiredCount is 0: "),
    ("aws:rds/instance:Instance", {}, "multiAz is not set: a zone"),
    (
        "gcp:sql/databaseInstance:DatabaseInstance",
        {"settings": {"availabilityType": "ZONAL"}},
        'settings.availabilityType is "ZONAL": a zone',
    ),
    ("aws:appautoscaling/target:Target", {"minCapacity": 1.0}, "minCapacity is 1: "),
    (
        "gcp:cloudrunv2/service:Service",
        {"template": {"scaling": {"minInstanceCount": 1.0}}},
        "template.scaling.minInstanceCount is 1: ",
    ),
]


@pytest.mark.parametrize(("kind", "inputs"), PASSES)
def test_two_replicas_pass_in_production(judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any]) -> None:
    assert judge(REPLICAS, kind, inputs, stack="cloud-prod") == []


@pytest.mark.parametrize(("kind", "inputs", "words"), REFUSED)
def test_fewer_are_refused_in_production_alone(
    judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any], words: str
) -> None:
    [message] = judge(REPLICAS, kind, inputs, stack="cloud-prod")
    assert words in message
    assert judge(REPLICAS, kind, inputs, stack="prod") == [message]
    assert judge(REPLICAS, kind, inputs, stack="production-copy") == []


@pytest.mark.parametrize(
    ("kind", "tags"), [("aws:ecs/service:Service", "tags"), ("gcp:cloudrunv2/service:Service", "labels")]
)
def test_a_stack_of_another_name_is_production_by_its_resources_tag(
    judge: Callable[..., list[str]], kind: str, tags: str
) -> None:
    assert len(judge(REPLICAS, kind, {tags: {"environment": "prod"}}, stack="blue")) == 1
    assert judge(REPLICAS, kind, {tags: {"environment": "dev"}}, stack="blue") == []


def test_every_type_of_the_table_was_passed_and_refused() -> None:
    assert {kind for kind, _ in PASSES} == {kind for kind, _, _ in REFUSED} == set(TABLE)
