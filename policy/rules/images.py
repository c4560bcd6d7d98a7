"""No mutable image tags: what runs is named by digest, and what is pushed cannot be moved afterwards."""

from __future__ import annotations

import re

from pulumi_policy import ResourceValidationArgs, Severity

from .check import Check, Table, must_be, resource_rule
from .property import Property, show

# An image by digest in a registry, or by the id under which the local engine holds it.
BY_DIGEST = re.compile(r"(\S+@)?sha256:[0-9a-f]{64}")
MOVING_TAGS = {"latest", "main", "master", "dev", "prod", "stable", "edge", "nightly"}


def _by_digest(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse an image reference that does not end in a digest."""
    if BY_DIGEST.fullmatch(str(found.value)):
        return None
    return (
        f"{found.path} is {show(found.value)}: a tag can be moved to other content after the release was approved;"
        " refer to the image by digest, name@sha256:…"
    )


def _fixed_tag(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse to push under no tag (which means latest) or under one that is meant to move."""
    name, _, tag = str(found.value).rpartition("/")[2].partition(":")
    if tag and name and tag not in MOVING_TAGS:
        return None
    return (
        f"{found.path} is {show(found.value)}: the next build would push other content under the same name;"
        " tag with what the content is made of, such as the model's version and the commit"
    )


def _immutable_in_docker_repositories(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse an Artifact Registry repository for images whose tags can be moved; other formats have no such tags."""
    if found.at("format").value not in ("DOCKER", "docker") or found.at("dockerConfig.immutableTags").value is True:
        return None
    return (
        "dockerConfig.immutableTags is not true: a pushed tag could be moved to other content;"
        " set dockerConfig.immutableTags to true"
    )


def _pushed_by_digest(found: Property, args: ResourceValidationArgs) -> str | None:
    """Refuse an export that pushes under names which would be moved; a push by digest gives no name to move."""
    if found.at("pushByDigest").value is True:
        return None
    names = found.select("names.*")
    return next((refusal for name in names if (refusal := _fixed_tag(name, args))), None)


_AZURE = (Check("template.containers.*.image", _by_digest), Check("template.initContainers.*.image", _by_digest))

TABLE: Table = {
    "azure-native:app:ContainerApp": _AZURE,
    "azure-native:app:Job": _AZURE,
    "aws:ecs/taskDefinition:TaskDefinition": (Check("containerDefinitions.*.image", _by_digest),),
    "gcp:cloudrunv2/service:Service": (Check("template.containers.*.image", _by_digest),),
    "gcp:cloudrunv2/job:Job": (Check("template.template.containers.*.image", _by_digest),),
    "docker:index/container:Container": (Check("image", _by_digest),),
    "docker:index/remoteImage:RemoteImage": (Check("name", _by_digest),),
    "docker-build:index:Image": (
        Check("tags.*", _fixed_tag),
        Check("exports.*.registry", _pushed_by_digest),
        Check("exports.*.image", _pushed_by_digest),
    ),
    "aws:ecr/repository:Repository": (
        must_be("imageTagMutability", "IMMUTABLE", why="a pushed tag could be moved to other content"),
    ),
    "gcp:artifactregistry/repository:Repository": (Check("", _immutable_in_docker_repositories),),
}

IMAGES = resource_rule(
    "no-mutable-image-tags",
    "Images are referred to by digest, and registries do not let a tag be moved.",
    TABLE,
    Severity.HIGH,
)
