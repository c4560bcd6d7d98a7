"""Which release answers at an address of the stand-in cloud: what its resources say, read as the real clouds read them.

Only the addresses of single releases answer. Nobody needs the public ones here, and a check that asked them is found
out by that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

from engine.standin.cloud import Cloud, Record
from tests.engine.data_plane import Serving

CONTAINER = "service"


def served(cloud: Cloud) -> Serving:
    """The releases of whatever runs in ``cloud`` at the time of each question."""

    def serving(host: str, port: int) -> str | None:
        kinds: Sequence[Callable[[Cloud, str, int], str | None]] = (_container_app, _cloud_run, _load_balancer)
        return next((release for kind in kinds if (release := kind(cloud, host, port))), None)

    return serving


def _container_app(cloud: Cloud, host: str, port: int) -> str | None:
    """Azure: ``<app>--<suffix>.<the environment's domain>``; a revision runs on when the app has a newer template."""
    label, _, domain = host.partition(".")
    name, _, suffix = label.rpartition("--")
    hosts = {record.id for record in cloud.of(":ManagedEnvironment") if record.outputs["defaultDomain"] == domain}
    for app in cloud.of(":ContainerApp"):
        if port == 443 and app.inputs["containerAppName"] == name and app.inputs["environmentId"] in hosts:
            return release_of_revision(app, "revisionSuffix", suffix, "env")
    return None


def _cloud_run(cloud: Cloud, host: str, port: int) -> str | None:
    """GCP: ``<tag>---<host of the service>``."""
    tag, _, rest = host.partition("---")
    for service in cloud.of("cloudrunv2/service:Service"):
        if port == 443 and service.outputs["uri"] == f"https://{rest}":
            revisions = [share["revision"] for share in service.inputs["traffics"] if share.get("tag") == tag]
            return release_of_revision(service, "revision", revisions[0], "envs") if revisions else None
    return None


def release_of_revision(service: Record, key: str, name: str, variables: str) -> str | None:
    """The release of the revision of this name, which once was the newest template."""
    templates = [inputs["template"] for inputs in service.history]
    found = [template for template in templates if template[key] == name]
    return _release(found[-1]["containers"], variables) if found else None


def _load_balancer(cloud: Cloud, host: str, port: int) -> str | None:
    """AWS: the listener on the port forwards to a target group, whose service runs a task definition."""
    aliases = [
        alias["name"]
        for record in cloud.of("route53/record:Record")
        if record.inputs["name"] == host
        for alias in record.inputs.get("aliases", [])
    ]
    names = {host, *aliases}
    balancers = {r.outputs["arn"] for r in cloud.of("lb/loadBalancer:LoadBalancer") if r.outputs["dnsName"] in names}
    groups = {
        action.get("targetGroupArn")
        for listener in cloud.of("lb/listener:Listener")
        if listener.inputs["loadBalancerArn"] in balancers and listener.inputs["port"] == port
        for action in listener.inputs["defaultActions"]
    }
    return release_of_target_group(cloud, groups)


def release_of_target_group(cloud: Cloud, groups: Set[Any]) -> str | None:
    """AWS: the release of the service that one of these target groups (ARNs) leads to."""
    running = {
        service.outputs["taskDefinition"]
        for service in cloud.of("ecs/service:Service")
        for target in service.inputs["loadBalancers"]
        if target["targetGroupArn"] in groups
    }
    for definition in cloud.of("ecs/taskDefinition:TaskDefinition"):
        if definition.outputs["arn"] in running:
            return _release(json.loads(definition.inputs["containerDefinitions"]), "environment")
    return None


def _release(containers: Sequence[Mapping[str, Any]], variables: str) -> str | None:
    """RELEASE in the service's container."""
    service = next(container for container in containers if container["name"] == CONTAINER)
    return next((entry["value"] for entry in service[variables] if entry["name"] == "RELEASE"), None)
