"""The containers of a replica as plain data: the service and, beside it, the Prometheus agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from components.agent import agent_configuration
from components.aws.settings import AGENT_MEMORY_MB
from components.release import Release, service_environment
from components.spec import DRAIN_SECONDS, GRACE_SECONDS, LIVE_PATH, STARTUP_SECONDS, USER_ID, ServiceSpec

SERVICE = "service"
AGENT = "agent"
AGENT_CPU_UNITS = 64
AGENT_DIRECTORY = "/prometheus"
"""A volume of the Prometheus image, owned by its user: on Fargate an empty volume takes over the image's permissions
where the image declares one (docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html)."""
_NOBODY = "65534:65534"
# The directory is shared memory: Fargate has no tmpfs, and the rest of the container is read-only.
_TEMPORARY = "/dev/shm"  # noqa: S108  a mount of the container, not of this machine


def log_configuration(group: pulumi.Input[str], region: pulumi.Input[str], prefix: str) -> dict[str, Any]:
    """Logs go to CloudWatch; when it is slow, old lines are dropped rather than predictions held up."""
    return {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": group,
            "awslogs-region": region,
            "awslogs-stream-prefix": prefix,
            "mode": "non-blocking",
            "max-buffer-size": "4m",
        },
    }


def hardened(user: str) -> dict[str, Any]:
    """What every container of the platform gives up: root, the kernel's capabilities, writing to its own files."""
    return {
        "user": user,
        "readonlyRootFilesystem": True,
        "linuxParameters": {"capabilities": {"drop": ["ALL"]}},
    }


def environment(variables: Mapping[str, pulumi.Input[str]]) -> list[dict[str, Any]]:
    """Variables as ECS wants them, in an order that never changes."""
    return [{"name": key, "value": variables[key]} for key in sorted(variables)]


def secrets(references: Mapping[str, str]) -> list[dict[str, str]]:
    """Variables that ECS fills from Secrets Manager, in an order that never changes."""
    return [{"name": key, "valueFrom": references[key]} for key in sorted(references)]


def service_container(
    spec: ServiceSpec, release: Release, *, cpu_units: int, logs: Mapping[str, Any]
) -> dict[str, Any]:
    """The service. It starts after the agent and so stops before it: the last counts are still written.

    ECS asks one question inside the container (is it alive?) and replaces the task when it is not; readiness is the
    load balancer's question.
    """
    variables = {**service_environment(spec, release), "HOST": "0.0.0.0", "TMPDIR": _TEMPORARY}  # noqa: S104
    return {
        "name": SERVICE,
        "image": release.image,
        "essential": True,
        "cpu": cpu_units,
        "memory": spec.memory_mb,
        **hardened(f"{USER_ID}:{USER_ID}"),
        "portMappings": [{"containerPort": spec.port, "hostPort": spec.port, "protocol": "tcp"}],
        "environment": environment(variables),
        "secrets": secrets(spec.secrets),
        "healthCheck": {
            "command": ["CMD", "python", "-c", _probe(spec.port)],
            "interval": 10,
            "timeout": 5,
            "retries": 3,
            "startPeriod": STARTUP_SECONDS,
        },
        "stopTimeout": GRACE_SECONDS,
        "dependsOn": [{"containerName": AGENT, "condition": "START"}],
        "logConfiguration": dict(logs),
    }


def _probe(port: int) -> str:
    """A program that fails unless the service answers that it is alive; the image has no other client."""
    return f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}{LIVE_PATH}', timeout=4)"


def agent_container(
    image: pulumi.Input[str], configuration: pulumi.Input[str], *, logs: Mapping[str, Any]
) -> dict[str, Any]:
    """The agent. When it fails it is started again and the service goes on.

    Its only writable directory holds the configuration and what is not sent yet. REPLICA is the task's host name:
    without it two replicas would write the same series.
    """
    command = (
        f'printf %s "$CONFIGURATION" > {AGENT_DIRECTORY}/agent.yml && export REPLICA="$(hostname)"'
        " && exec prometheus --agent"
        f" --config.file={AGENT_DIRECTORY}/agent.yml --storage.agent.path={AGENT_DIRECTORY}/data"
        " --web.listen-address=127.0.0.1:9090"
    )
    return {
        "name": AGENT,
        "image": image,
        "essential": False,
        "restartPolicy": {"enabled": True, "restartAttemptPeriod": 60},
        "cpu": AGENT_CPU_UNITS,
        "memory": AGENT_MEMORY_MB,
        **hardened(_NOBODY),
        "entryPoint": ["/bin/sh", "-c"],
        "command": [command],
        "environment": environment({"CONFIGURATION": configuration}),
        "mountPoints": [{"sourceVolume": AGENT, "containerPath": AGENT_DIRECTORY, "readOnly": False}],
        "stopTimeout": DRAIN_SECONDS,
        "logConfiguration": dict(logs),
    }


def agent_text(
    url: pulumi.Input[str], region: pulumi.Input[str], release: pulumi.Input[str], slot: str
) -> pulumi.Output[str]:
    """The agent's configuration: it signs with the task's role, and its series name release, slot and replica."""
    return pulumi.Output.all(url=url, region=region, release=release).apply(
        lambda known: agent_configuration(
            known["url"],
            {"sigv4": {"region": known["region"]}},
            {"release": known["release"], "slot": slot, "replica": "${REPLICA}"},
        )
    )
