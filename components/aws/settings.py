"""What only AWS is told, and what of the shared specs AWS cannot do."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.spec import Environment, ServiceSpec, SpecError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ECR_IMAGE = r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/[a-z0-9._/-]+@sha256:[0-9a-f]{64}"
"""An image in a registry of this cloud, by digest."""


PROMETHEUS = "docker.io/prom/prometheus:v3.5.0@sha256:63805ebb8d2b3920190daf1cb14a60871b16fd38bed42b857a3182bc621f4996"
"""The official image for all its platforms, as public repositories pin it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Region, zones, domain, who may reach what, and the image of the metrics side-car.

    ``region`` is the provider's (``aws:region``) again. ``zones`` are letters of its availability zones, named here
    because a zone that AWS adds must not move a subnet; append only.

    ``domain`` with ``hosted_zone_id`` gets a certificate and a DNS record, with ``certificate_arn`` it uses that
    certificate and leaves DNS to its owner; without a domain the service speaks plain HTTP, which only a dev stack may.
    ``client_cidrs`` may call the service (None: everyone where it is public, the network alone where it is private);
    ``verification_cidrs`` may, besides the network, reach the addresses that only one release answers. ``jwks_url`` is
    where the tokens' issuer publishes its keys, if not under ``/.well-known/jwks.json``.

    ``agent_image`` is Prometheus by digest. A dev stack copies it into its own registry, because tasks reach no other;
    production refers to a copy that is there already. ``request_seconds`` is the mean duration of a request, by which
    concurrency is turned into the requests per minute that the load balancer counts. ``nat`` gives tasks a way to the
    internet.
    """

    region: str = "eu-west-1"
    zones: tuple[str, ...] = ("a", "b")
    domain: str | None = None
    hosted_zone_id: str | None = None
    certificate_arn: str | None = None
    client_cidrs: tuple[str, ...] | None = None
    verification_cidrs: tuple[str, ...] = ()
    agent_image: str = PROMETHEUS
    jwks_url: str | None = None
    request_seconds: float = 0.1
    nat: bool = False

    def __post_init__(self) -> None:
        if re.fullmatch(r"(?!cn-|us-gov-|us-iso)[a-z]{2}(-[a-z]+)+-[0-9]", self.region) is None:
            raise SpecError(f"aws.region is {self.region!r}: not a region of the standard partition; write eu-west-1")
        zones = self.zones
        if (
            len(zones) < 2
            or len(set(zones)) != len(zones)
            or any(re.fullmatch("[a-z]", zone) is None for zone in zones)
        ):
            raise SpecError(f"aws.zones is {list(zones)}: a load balancer needs two zones; write e.g. [a, b]")
        if self.domain is not None and (self.hosted_zone_id is None) == (self.certificate_arn is None):
            raise SpecError(
                f"aws.domain is {self.domain!r}: needs exactly one of aws.hostedZoneId (a certificate is made) and "
                "aws.certificateArn (it exists); set one"
            )
        if self.domain is None and (self.hosted_zone_id or self.certificate_arn):
            raise SpecError("aws.domain is not set beside aws.hostedZoneId or aws.certificateArn; name the domain")
        if re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", self.agent_image) is None:
            raise SpecError(f"aws.agentImage is {self.agent_image!r}: refer to it by digest: repository@sha256:…")
        _require_ranges("aws.clientCidrs", self.client_cidrs or ())
        _require_ranges("aws.verificationCidrs", self.verification_cidrs)
        if "0.0.0.0/0" in self.verification_cidrs:
            raise SpecError("aws.verificationCidrs has 0.0.0.0/0: not for the whole internet; name your own addresses")
        if not 0.001 <= self.request_seconds <= 60:
            raise SpecError(f"aws.requestSeconds is {self.request_seconds}: not between 0.001 and 60; measure it")


def _require_ranges(name: str, ranges: Iterable[str]) -> None:
    """Raise SpecError for the first of ``ranges`` that is not an IPv4 range."""
    for text in ranges:
        try:
            ipaddress.IPv4Network(text)
        except ValueError as error:
            raise SpecError(f"{name} has {text!r}: {error}; write a range such as 203.0.113.7/32") from error


# The sizes that Fargate offers: vCPU → MiB (docs.aws.amazon.com/AmazonECS/latest/developerguide/
# task-cpu-memory-error.html); 0.25 vCPU has three, the others steps of 1 GiB.
_FARGATE_MB = {
    0.25: (512, 1024, 2048),
    0.5: range(1024, 4096 + 1, 1024),
    1.0: range(2048, 8192 + 1, 1024),
    2.0: range(4096, 16384 + 1, 1024),
    4.0: range(8192, 30720 + 1, 1024),
}


def fargate_size(owner: str, cpu: float, memory_mb: int) -> tuple[int, int]:
    """The smallest task that holds ``cpu`` vCPU and ``memory_mb`` MiB: CPU units (1024 a vCPU) and MiB.

    Raises UnsupportedError where Fargate has none; memory is rounded up to the next size offered.
    """
    if cpu not in _FARGATE_MB:
        raise UnsupportedError("aws", f"{owner}.cpu {cpu:g} on Fargate", "use 0.25, 0.5, 1, 2 or 4")
    offered = _FARGATE_MB[cpu]
    size = next((size for size in offered if size >= memory_mb), None)
    if size is None:
        raise UnsupportedError(
            "aws", f"{owner}: {memory_mb} MiB (side-car included) with {cpu:g} vCPU", f"stay within {offered[-1]} MiB"
        )
    return int(cpu * 1024), size


# An ARN of Secrets Manager, optionally with the key of a JSON document, a stage and a version (docs.aws.amazon.com/
# AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html).
_REFERENCE = r"arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^\s:]+(:[^\s:]*:[^\s:]*:[^\s:]*)?"


def secret_arn(reference: str) -> str:
    """The secret that a reference names, without the key, stage and version."""
    return ":".join(reference.split(":")[:7])


AGENT_MEMORY_MB = 256
"""Of every replica, for the metrics side-car."""


def replica_size(spec: ServiceSpec) -> tuple[int, int]:
    """The task of a replica: the service and its side-car; they share the service's CPU."""
    return fargate_size("service", spec.cpu, spec.memory_mb + AGENT_MEMORY_MB)


def check_secrets(owner: str, secrets: Mapping[str, str]) -> None:
    """Raise SpecError for a reference that names no secret."""
    for variable, reference in secrets.items():
        if re.fullmatch(_REFERENCE, reference) is None:
            raise SpecError(
                f"{owner}.secrets.{variable} is {reference!r}: not the ARN of a secret; copy it from "
                "`aws secretsmanager list-secrets`, with `:key::` behind it for one key of a JSON document"
            )


def check_service(environment: Environment, spec: ServiceSpec, settings: Settings) -> None:
    """Raise SpecError or UnsupportedError for a service that cannot, or in production must not, run here."""
    replica_size(spec)
    if spec.min_replicas == 0:
        raise UnsupportedError(
            "aws",
            "scale to zero (service.minReplicas 0)",
            "an ECS service without tasks is not woken by a request: set it to 1",
        )
    check_secrets("service", spec.secrets)
    if settings.domain is None and environment.production:
        raise SpecError("aws.domain is not set: production speaks HTTPS only; set domain with hostedZoneId")
    if settings.domain is None and spec.authentication is not None:
        raise UnsupportedError(
            "aws", "service.authentication without HTTPS", "a token must not travel in the clear: set aws.domain"
        )
