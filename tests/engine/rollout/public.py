"""Whom a caller of the public address meets: how the stand-in cloud shares its traffic between releases now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.standin.cloud import Cloud
from tests.engine.served import release_of_revision, release_of_target_group


def shares(cloud: Cloud) -> dict[str, int]:
    """Release → its share of the public traffic in percent; releases without any are left out."""
    found: dict[str, int] = {}
    for release, weight in [*_container_apps(cloud), *_cloud_run(cloud), *_load_balancers(cloud)]:
        if weight and release:
            found[release] = found.get(release, 0) + weight
    return found


def _container_apps(cloud: Cloud) -> Iterator[tuple[str | None, int]]:
    for record in cloud.of(":ContainerApp"):
        for share in record.inputs["configuration"]["ingress"]["traffic"]:
            newest: Any = record.inputs["template"]["revisionSuffix"]
            suffix = newest if share.get("latestRevision") else share["revisionName"].rpartition("--")[2]
            yield release_of_revision(record, "revisionSuffix", suffix, "env"), int(share["weight"])


def _cloud_run(cloud: Cloud) -> Iterator[tuple[str | None, int]]:
    for record in cloud.of("cloudrunv2/service:Service"):
        for share in record.inputs["traffics"]:
            yield release_of_revision(record, "revision", share["revision"], "envs"), int(share.get("percent") or 0)


def _load_balancers(cloud: Cloud) -> Iterator[tuple[str | None, int]]:
    for listener in cloud.of("lb/listener:Listener"):
        if listener.name != "compute-entrance":
            continue
        for action in listener.inputs["defaultActions"]:
            for group in (action.get("forward") or {}).get("targetGroups", []):
                yield release_of_target_group(cloud, {group["arn"]}), int(group.get("weight") or 0)
