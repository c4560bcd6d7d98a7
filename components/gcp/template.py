"""What one revision of the service is made of: the service's container and the metrics side-car."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_gcp.cloudrunv2 import (
    ServiceTemplateArgsDict,
    ServiceTemplateContainerArgsDict,
    ServiceTemplateContainerEnvArgsDict,
    ServiceTemplateVolumeArgsDict,
)

from components.gcp import agent
from components.gcp.secrets import SecretVersion
from components.release import Release, service_environment
from components.spec import LIVE_PATH, READY_PATH, STARTUP_SECONDS, ServiceSpec

SERVICE_CONTAINER = "service"
CONFIG_VOLUME = "agent-config"
_STARTUP_PERIOD = 5


@dataclass(frozen=True, kw_only=True)
class Agent:
    """The side-car's image and the secret that holds its configuration."""

    image: pulumi.Input[str]
    secret: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class Template:
    """Builds the revision of a release; everything but the release is the same for all of a stack."""

    spec: ServiceSpec
    secrets: dict[str, SecretVersion]
    account: pulumi.Output[str]
    subnet: pulumi.Output[str]
    agent: Agent

    def of(self, release: Release) -> ServiceTemplateArgsDict:
        """The template of a release's revision, without the revision's name."""
        return {
            "containers": [self._service(release), _agent(self.agent)],
            "volumes": [_agent_configuration(self.agent)],
            "service_account": self.account,
            "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
            "max_instance_request_concurrency": self.spec.target_concurrency,
            "vpc_access": {"egress": "ALL_TRAFFIC", "network_interfaces": [{"subnetwork": self.subnet}]},
        }

    def _service(self, release: Release) -> ServiceTemplateContainerArgsDict:
        """The service's container.

        Readiness (general availability: GoogleCloudPlatform/magic-modules#17925) takes a draining instance out of
        the traffic, which the startup probe alone, Cloud Run's only readiness before, never does.
        """
        return {
            "name": SERVICE_CONTAINER,
            "image": release.image,
            "ports": {"container_port": self.spec.port},
            "envs": self._variables(release),
            "resources": {
                "limits": {"cpu": f"{self.spec.cpu:g}", "memory": f"{self.spec.memory_mb}Mi"},
                "cpu_idle": False,
                "startup_cpu_boost": True,
            },
            "startup_probe": {
                "http_get": {"path": READY_PATH, "port": self.spec.port},
                "period_seconds": _STARTUP_PERIOD,
                "timeout_seconds": _STARTUP_PERIOD - 1,
                "failure_threshold": STARTUP_SECONDS // _STARTUP_PERIOD,
            },
            "readiness_probe": {
                "http_get": {"path": READY_PATH, "port": self.spec.port},
                "period_seconds": 5,
                "timeout_seconds": 4,
                "failure_threshold": 2,
                "success_threshold": 1,
            },
            "liveness_probe": {
                "http_get": {"path": LIVE_PATH, "port": self.spec.port},
                "period_seconds": 10,
                "timeout_seconds": 5,
                "failure_threshold": 3,
            },
        }

    def _variables(self, release: Release) -> list[ServiceTemplateContainerEnvArgsDict]:
        """Plain variables and references to secrets. PORT is Cloud Run's own to set, to the same value."""
        plain = service_environment(self.spec, release)
        del plain["PORT"]
        variables: list[ServiceTemplateContainerEnvArgsDict] = [
            {"name": name, "value": value} for name, value in sorted(plain.items())
        ]
        for name, found in sorted(self.secrets.items()):
            variables.append(
                {"name": name, "value_source": {"secret_key_ref": {"secret": found.secret, "version": found.version}}}
            )
        return variables


def _agent(side_car: Agent) -> ServiceTemplateContainerArgsDict:
    """The side-car, started when the service is ready. Its CPU is never taken away, or scrapes would fail."""
    return {
        "name": agent.CONTAINER,
        "image": side_car.image,
        "depends_ons": [SERVICE_CONTAINER],
        "resources": {"limits": {"cpu": "1", "memory": "512Mi"}, "cpu_idle": False},
        "volume_mounts": [{"name": CONFIG_VOLUME, "mount_path": agent.CONFIG_DIRECTORY}],
    }


def _agent_configuration(side_car: Agent) -> ServiceTemplateVolumeArgsDict:
    """The side-car's file in its newest version, read again when that changes: a later release adds itself to it."""
    return {
        "name": CONFIG_VOLUME,
        "secret": {"secret": side_car.secret, "items": [{"path": agent.CONFIG_FILE, "version": "latest"}]},
    }
