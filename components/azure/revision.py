"""What one revision of the service is: its two containers, their probes and how they scale.

A revision never changes, and its name can never be given to another content
(microsoft/azure-container-apps#1278), so the name is derived from the content.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_azure_native.app as app

from components import naming
from components.azure.settings import AGENT_CPU
from components.azure.variables import variables
from components.release import Release, service_environment
from components.spec import GRACE_SECONDS, LIVE_PATH, READY_PATH, STARTUP_SECONDS, ServiceSpec

CONFIGURATION = "agent-configuration"
"""The entry among the app's secrets that is mounted as the agent's configuration file."""
CPU_PERCENT = 70
"""CPU utilisation that autoscaling aims at, beside the requests in flight."""
# A startup probe may fail at most ten times (the API's limit for failureThreshold).
_STARTUP_ATTEMPTS = 10
_CONFIGURATION_DIRECTORY = "/etc/agent"
_DATA_DIRECTORY = "/agent"
_AGENT_ARGUMENTS: Final = [
    "--agent",
    f"--config.file={_CONFIGURATION_DIRECTORY}/{CONFIGURATION}",
    f"--storage.agent.path={_DATA_DIRECTORY}",
    "--web.listen-address=127.0.0.1:9095",
]


@dataclass(frozen=True)
class Revision:
    """A revision's content and the suffix, derived from it, that ends its name."""

    suffix: pulumi.Output[str]
    content: app.TemplateArgsDict

    @property
    def template(self) -> app.TemplateArgsDict:
        """What the app is given to create it."""
        return {**self.content, "revision_suffix": self.suffix}


def revision(spec: ServiceSpec, release: Release, agent_image: str, configuration: pulumi.Output[str]) -> Revision:
    """The revision that serves ``release``, watched by an agent with this ``configuration``."""
    content: app.TemplateArgsDict = {
        "containers": [_service(spec, release), _agent(release, agent_image, configuration)],
        "volumes": [
            {
                "name": "configuration",
                "storage_type": app.StorageType.SECRET,
                "secrets": [{"secret_ref": CONFIGURATION, "path": CONFIGURATION}],
            },
            {"name": "data", "storage_type": app.StorageType.EMPTY_DIR},
        ],
        "scale": {
            "min_replicas": spec.min_replicas,
            "max_replicas": spec.max_replicas,
            "rules": _scale_rules(spec),
        },
        "termination_grace_period_seconds": GRACE_SECONDS,
    }
    return Revision(suffix=pulumi.Output.json_dumps(content, sort_keys=True).apply(naming.revision), content=content)


def _service(spec: ServiceSpec, release: Release) -> app.ContainerArgsDict:
    """The container that answers predictions."""
    return {
        "name": "service",
        "image": release.image,
        "env": variables(service_environment(spec, release), spec.secrets),
        "resources": {"cpu": spec.cpu, "memory": f"{spec.memory_mb / 1024:g}Gi"},
        "probes": [
            _probe(app.Type.STARTUP, READY_PATH, spec.port, STARTUP_SECONDS // _STARTUP_ATTEMPTS, _STARTUP_ATTEMPTS),
            _probe(app.Type.READINESS, READY_PATH, spec.port, 5, 2),
            _probe(app.Type.LIVENESS, LIVE_PATH, spec.port, 10, 3),
        ],
    }


def _agent(release: Release, image: str, configuration: pulumi.Output[str]) -> app.ContainerArgsDict:
    """The Prometheus agent beside it, which reads RELEASE and the replica's name from its environment."""
    return {
        "name": "agent",
        "image": image,
        "args": _AGENT_ARGUMENTS,
        "env": [
            {"name": "RELEASE", "value": release.id},
            # A changed secret starts no new revision, and a running agent would not read it: this makes one.
            {"name": "CONFIGURATION", "value": configuration.apply(_fingerprint)},
        ],
        "resources": {"cpu": AGENT_CPU, "memory": f"{AGENT_CPU * 2:g}Gi"},
        "volume_mounts": [
            {"volume_name": "configuration", "mount_path": _CONFIGURATION_DIRECTORY},
            {"volume_name": "data", "mount_path": _DATA_DIRECTORY},
        ],
    }


def _fingerprint(text: str) -> str:
    """A short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _probe(kind: app.Type, path: str, port: int, period: int, failures: int) -> app.ContainerAppProbeArgsDict:
    """A check every ``period`` seconds that gives up after ``failures`` in a row."""
    return {
        "type": kind,
        "http_get": {"path": path, "port": port},
        "initial_delay_seconds": 1,
        "period_seconds": period,
        "timeout_seconds": 2,
        "failure_threshold": failures,
    }


def _scale_rules(spec: ServiceSpec) -> list[app.ScaleRuleArgsDict]:
    """Requests in flight, and CPU where at least one replica stays: CPU cannot scale from or to zero."""
    rules: list[app.ScaleRuleArgsDict] = [
        {"name": "requests", "http": {"metadata": {"concurrentRequests": str(spec.target_concurrency)}}}
    ]
    if spec.min_replicas > 0:
        metadata = {"type": "Utilization", "value": str(CPU_PERCENT)}
        rules.append({"name": "cpu", "custom": {"type": "cpu", "metadata": metadata}})
    return rules
