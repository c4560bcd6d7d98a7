from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from policy.rules.images import IMAGES, TABLE

DIGEST = "sha256:" + "0123456789abcdef" * 4
PINNED = f"registry.example.com/mlplatform/serving@{DIGEST}"
TAGGED = "registry.example.com:5000/mlplatform/serving:v1"


def _azure(image: str) -> dict[str, Any]:
    return {"template": {"containers": [{"name": "agent", "image": PINNED}, {"name": "api", "image": image}]}}


def _ecs(image: str) -> dict[str, Any]:
    return {"containerDefinitions": json.dumps([{"name": "agent", "image": PINNED}, {"name": "api", "image": image}])}


def _build(**registry: Any) -> dict[str, Any]:
    return {"push": False, "exports": [{"registry": {"names": ["registry.example.com/serving"], **registry}}]}


PASSES: list[tuple[str, dict[str, Any]]] = [
    ("azure-native:app:ContainerApp", _azure(PINNED)),
    ("azure-native:app:ContainerApp", _azure(f"registry.example.com/serving:v1@{DIGEST}")),
    ("azure-native:app:Job", _azure(PINNED)),
    ("aws:ecs/taskDefinition:TaskDefinition", _ecs(PINNED)),
    ("gcp:cloudrunv2/service:Service", {"template": {"containers": [{"image": PINNED}]}}),
    ("gcp:cloudrunv2/job:Job", {"template": {"template": {"containers": [{"image": PINNED}]}}}),
    ("docker:index/container:Container", {"image": PINNED}),
    ("docker:index/container:Container", {"image": DIGEST}),
    ("docker:index/remoteImage:RemoteImage", {"name": PINNED}),
    ("docker-build:index:Image", {"push": True, "tags": ["registry.example.com:5000/serving:iris-0f3a9c"]}),
    ("docker-build:index:Image", _build(pushByDigest=True)),
    ("docker-build:index:Image", {"exports": [{"docker": {}}]}),
    ("aws:ecr/repository:Repository", {"imageTagMutability": "IMMUTABLE"}),
    ("gcp:artifactregistry/repository:Repository", {"format": "DOCKER", "dockerConfig": {"immutableTags": True}}),
    ("gcp:artifactregistry/repository:Repository", {"format": "PYTHON"}),
]

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("azure-native:app:ContainerApp", _azure(TAGGED), f'template.containers[1].image is "{TAGGED}"'),
    (
        "azure-native:app:ContainerApp",
        {"template": {"initContainers": [{"image": "busybox"}]}},
        'template.initContainers[0].image is "busybox"',
    ),
    ("azure-native:app:Job", _azure("trainer:latest"), 'template.containers[1].image is "trainer:latest"'),
    ("aws:ecs/taskDefinition:TaskDefinition", _ecs(TAGGED), f'containerDefinitions[1].image is "{TAGGED}"'),
    ("aws:ecs/taskDefinition:TaskDefinition", {"containerDefinitions": "not json"}, "image is not set"),
    (
        "gcp:cloudrunv2/service:Service",
        {"template": {"containers": [{"image": f"{PINNED}0"}]}},
        "template.containers[0].image",
    ),
    (
        "gcp:cloudrunv2/job:Job",
        {"template": {"template": {"containers": [{"image": "trainer"}]}}},
        'template.template.containers[0].image is "trainer"',
    ),
    ("docker:index/container:Container", {"image": "prom/prometheus:v3"}, 'image is "prom/prometheus:v3"'),
    ("docker:index/remoteImage:RemoteImage", {"name": "haproxy"}, 'name is "haproxy"'),
    ("docker-build:index:Image", {"tags": ["registry.example.com/serving:latest"]}, "tags[0] is"),
    ("docker-build:index:Image", {"tags": ["registry.example.com:5000/serving"]}, "tags[0] is"),
    ("docker-build:index:Image", _build(push=True), "exports[0].registry.names[0] is"),
    ("aws:ecr/repository:Repository", {}, "imageTagMutability is not set"),
    ("aws:ecr/repository:Repository", {"imageTagMutability": "MUTABLE"}, 'set it to "IMMUTABLE"'),
    ("gcp:artifactregistry/repository:Repository", {"format": "DOCKER"}, "set dockerConfig.immutableTags to true"),
]


@pytest.mark.parametrize(("kind", "inputs"), PASSES)
def test_an_image_by_digest_and_a_fixed_tag_pass(
    judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any]
) -> None:
    assert judge(IMAGES, kind, inputs) == []


@pytest.mark.parametrize(("kind", "inputs", "words"), REFUSED)
def test_an_image_that_could_change_under_its_name_is_refused(
    judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any], words: str
) -> None:
    [message] = judge(IMAGES, kind, inputs)
    assert message.startswith(f"it ({kind}): ")
    assert words in message


def test_every_type_of_the_table_was_passed_and_refused() -> None:
    assert {kind for kind, _ in PASSES} == {kind for kind, _, _ in REFUSED} == set(TABLE)
