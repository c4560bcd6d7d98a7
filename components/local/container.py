"""Containers with as few rights as their work needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_docker as docker

from components import naming
from components.spec import GRACE_SECONDS, STARTUP_SECONDS, Environment

LOOPBACK = "127.0.0.1"
"""The only address that ports are published on."""
CONFIG = "/config"
"""Where uploaded files lie."""
NOBODY = "65534:65534"
"""The user of the containers beside the service."""


def labels(environment: Environment) -> list[docker.ContainerLabelArgs]:
    """The tags as container labels."""
    return [docker.ContainerLabelArgs(label=label, value=value) for label, value in naming.tags(environment).items()]


def image_id(name: str, reference: pulumi.Input[str], parent: pulumi.Resource) -> pulumi.Input[str]:
    """The engine's id of an image: pulled where ``reference`` names a repository, else it is one already."""
    if not isinstance(reference, str) or reference.startswith("sha256:"):
        return reference
    opts = pulumi.ResourceOptions(parent=parent)
    return docker.RemoteImage(name, name=reference, keep_locally=True, opts=opts).image_id


def engine_id(name: pulumi.Output[str]) -> pulumi.Output[str]:
    """The engine's id of the image that it holds under ``name``."""
    return docker.get_remote_image_output(name=name).id


def hardened(
    name: str,
    environment: Environment,
    *,
    image: pulumi.Input[str],
    user: str,
    networks: Sequence[docker.ContainerNetworksAdvancedArgs],
    memory_mb: int,
    physical_name: str | None = None,
    entrypoints: Sequence[str] | None = None,
    command: Sequence[str] | None = None,
    env: Mapping[str, pulumi.Input[str]] | None = None,
    files: Mapping[str, pulumi.Input[str]] | None = None,
    ports: Mapping[int, int] | None = None,
    volumes: Sequence[docker.ContainerVolumeArgs] = (),
    writable: Sequence[str] = ("/tmp",),  # noqa: S108  inside the container
    cpus: float | None = None,
    healthcheck: docker.ContainerHealthcheckArgs | None = None,
    opts: pulumi.ResourceOptions,
) -> docker.Container:
    """A container without root, capabilities or a writable disk, limited in memory, that the engine restarts.

    ``files`` are uploaded below CONFIG, readable by ``user`` alone. The provider copies them onto ``/``, which the
    engine refuses where the root is read-only: with files the root is merely not writable for ``user``.

    ``ports`` maps a port of this machine to one inside; ``writable`` are directories in memory. With ``healthcheck``
    the container counts as created once healthy.
    Without ``physical_name`` the provider makes one up, so that a replacement can start before the old one stops.
    """
    owner, _, group = user.partition(":")
    return docker.Container(
        name,
        name=physical_name,
        image=image,
        entrypoints=list(entrypoints) if entrypoints else None,
        command=list(command) if command else None,
        envs=[pulumi.Output.concat(key, "=", value) for key, value in sorted((env or {}).items())],
        uploads=[
            docker.ContainerUploadArgs(
                file=f"{CONFIG}/{file}", content=content, owner=owner, group=group, permissions="0400"
            )
            for file, content in (files or {}).items()
        ],
        ports=[
            docker.ContainerPortArgs(internal=internal, external=external, ip=LOOPBACK)
            for external, internal in (ports or {}).items()
        ],
        networks_advanced=list(networks),
        volumes=list(volumes),
        user=user,
        read_only=not files,
        tmpfs=dict.fromkeys(writable, "rw,noexec,nosuid,size=64m,mode=1777"),
        capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"]),
        security_opts=["no-new-privileges:true"],
        memory=memory_mb,
        memory_swap=memory_mb,
        cpus=f"{cpus:g}" if cpus else None,
        restart="unless-stopped",
        healthcheck=healthcheck,
        wait=healthcheck is not None,
        wait_timeout=STARTUP_SECONDS + 10,  # and a check or two, for one that needs its whole startup time
        stop_timeout=GRACE_SECONDS,
        destroy_grace_seconds=GRACE_SECONDS,
        log_driver="json-file",
        log_opts={"max-size": "10m", "max-file": "3"},
        labels=labels(environment),
        opts=opts,
    )
