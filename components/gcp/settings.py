"""What only GCP is told, and what of the shared specs GCP cannot do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.release import IMAGE
from components.spec import Environment, JobSpec, ServiceSpec, SpecError, UnsupportedError

AGENT_REPOSITORY = "us-docker.pkg.dev/cloud-ops-agents-artifacts/cloud-run-gmp-sidecar/cloud-run-gmp-sidecar"
"""Where Google publishes the metrics side-car."""
_EXACT_VERSION = r"[a-z0-9][a-z0-9._:/-]*:[0-9]+\.[0-9]+\.[0-9]+"
GOOGLE_ISSUER = "https://accounts.google.com"
"""Who signs the tokens that Cloud Run's own check accepts; there is no other."""

# vCPU → smallest and largest MiB beside it (cloud.google.com/run/docs/configuring/cpu). Less than one vCPU would
# need request-based billing and one request at a time, but the metrics side-car needs its CPU always allocated.
_MEMORY_MB = {1: (512, 4096), 2: (512, 8192), 4: (2048, 16384)}

_MEMBER = r"(user|serviceAccount|group|domain|principal|principalSet):[^\s:]\S*"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The project and region, the image of the metrics side-car and who may call the service.

    ``agent_image`` is Google's run-gmp-sidecar: by digest, or in a dev stack an exact version, which is copied into
    the stack's own registry. ``invokers`` are IAM members, such as
    ``serviceAccount:name@project.iam.gserviceaccount.com``.
    """

    project: str = ""
    region: str = "europe-west1"
    agent_image: str = f"{AGENT_REPOSITORY}:1.9.2"
    invokers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # cloud.google.com/resource-manager/docs/creating-managing-projects: 6 to 30 characters, a letter first
        if re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", self.project) is None:
            raise SpecError(f"gcp.project is {self.project!r}: not a project id; copy it from `gcloud projects list`")
        if re.fullmatch(r"[a-z]+-[a-z]+[0-9]+", self.region) is None:
            raise SpecError(f"gcp.region is {self.region!r}: not a region; write e.g. europe-west1")
        for member in self.invokers:
            if re.fullmatch(_MEMBER, member) is None:
                raise SpecError(
                    f"gcp.invokers has {member!r}: not an IAM member; write e.g. user:name@example.com "
                    "(allUsers comes from service.ingress: public in dev alone)"
                )
        if not self.agent_by_digest and re.fullmatch(_EXACT_VERSION, self.agent_image) is None:
            raise SpecError(
                f"gcp.agentImage is {self.agent_image!r}: neither a digest nor an exact version; "
                f"write {AGENT_REPOSITORY}@sha256:… or :1.9.2"
            )

    @property
    def agent_by_digest(self) -> bool:
        """Whether the side-car can run as it is named."""
        return re.fullmatch(IMAGE, self.agent_image) is not None


def check_environment(settings: Settings, environment: Environment) -> None:
    """Raise SpecError for what only a dev stack may leave open."""
    if environment.production and not settings.agent_by_digest:
        raise SpecError(
            f"gcp.agentImage is {settings.agent_image!r}: production runs images by digest alone; write "
            f"{AGENT_REPOSITORY}@sha256:… (docs/clouds.md says how to read the digest)"
        )


def check_service(spec: ServiceSpec) -> None:
    """Raise UnsupportedError for what Cloud Run cannot do."""
    _check_size("service", spec.cpu, spec.memory_mb)
    authentication = spec.authentication
    if authentication is not None and authentication.issuer != GOOGLE_ISSUER:
        raise UnsupportedError(
            "gcp",
            f"service.authentication.issuer {authentication.issuer!r}",
            f"Cloud Run checks Google's tokens alone: write {GOOGLE_ISSUER} and list the callers in gcp.invokers",
        )


def check_job(spec: JobSpec) -> None:
    """Raise UnsupportedError for what Cloud Run jobs cannot do."""
    _check_size("training", spec.cpu, spec.memory_mb)


def _check_size(owner: str, cpu: float, memory_mb: int) -> None:
    """Check a container's size against Cloud Run's table."""
    if cpu not in _MEMORY_MB:
        raise UnsupportedError("gcp", f"{owner}.cpu {cpu:g} with CPU always allocated", "use 1, 2 or 4")
    low, high = _MEMORY_MB[int(cpu)]
    if not low <= memory_mb <= high:
        raise UnsupportedError(
            "gcp", f"{owner}.memoryMb {memory_mb} beside {cpu:g} vCPU", f"use {low} to {high}, or another cpu"
        )
