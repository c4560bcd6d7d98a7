"""What only Azure is told, and what of the shared specs Azure cannot do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from components.release import IMAGE
from components.spec import Environment, JobSpec, NetworkSpec, ServiceSpec, SpecError, UnsupportedError
from components.tracking import TrackingSpec

AGENT_CPU = 0.25
"""vCPU of the metrics side-car, the least that Container Apps gives; the replica's total must be 4 or less."""
# learn.microsoft.com/azure/container-apps/networking: ranges that a Container Apps subnet must not overlap
_RESERVED = ("172.30.0.0/16", "172.31.0.0/16")
# learn.microsoft.com/azure/postgresql/compute-storage/concepts-compute: sizes of a PostgreSQL, as the API writes them
_MACHINE = r"Standard_(B\d+m?s|[DE]\d+[a-z]*s_v\d+)"
# Tokens of Microsoft Entra name one of these issuers, for version 2 and version 1 of its endpoint.
_ENTRA = ("https://login.microsoftonline.com/", "https://sts.windows.net/")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The region, the metrics side-car and who may reach the data from outside the network.

    ``agent_image`` is Prometheus 3 by digest. ``allowed_ranges`` are public IPv4 addresses or ranges, from which
    registry, vault and artifacts can be reached beside the stack's own network: a build agent's, an operator's.
    """

    agent_image: str
    location: str = "westeurope"
    allowed_ranges: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if re.fullmatch(IMAGE, self.agent_image) is None:
            raise SpecError(
                f"azure.agentImage is {self.agent_image!r}: refer to it by digest, never by tag: repository@sha256:…"
            )
        if re.fullmatch(r"[a-z]+[0-9]?", self.location) is None:
            raise SpecError(f"azure.location is {self.location!r}: not a region's short name; write e.g. westeurope")
        for allowed in self.allowed_ranges:
            _check_range(allowed)


def _check_range(allowed: str) -> None:
    """Check one of ``allowed_ranges``: the services' firewalls take public IPv4 only, and a /0 opens them to all."""
    try:
        network = ipaddress.IPv4Network(allowed)
    except ValueError as error:
        raise SpecError(f"azure.allowedRanges has {allowed!r}: {error}; write e.g. 20.1.2.3 or 20.1.2.0/24") from error
    if network.prefixlen < 8 or not network.is_global:
        raise SpecError(
            f"azure.allowedRanges has {allowed!r}: not a public range of at most a /8; "
            "write the public address of the build agent or operator"
        )
    if allowed.endswith(("/31", "/32")):
        # learn.microsoft.com/azure/storage/common/storage-network-security, and Key Vault's page on its firewall
        raise SpecError(f"azure.allowedRanges has {allowed!r}: Azure takes no such prefix; write each address alone")


def check_network(spec: NetworkSpec) -> None:
    """Raise UnsupportedError for a range that Container Apps cannot stand in."""
    own = ipaddress.IPv4Network(spec.cidr)
    for reserved in _RESERVED:
        if own.overlaps(ipaddress.IPv4Network(reserved)):
            raise UnsupportedError(
                "azure", f"network.cidr {spec.cidr}, which Container Apps reserves", "use e.g. 10.20.0.0/16"
            )


def check_service(spec: ServiceSpec) -> None:
    """Raise UnsupportedError for what Container Apps cannot do."""
    _check_size("service", spec.cpu, spec.memory_mb, most=4 - AGENT_CPU)
    authentication = spec.authentication
    if authentication and not authentication.issuer.startswith(_ENTRA):
        raise UnsupportedError(
            "azure",
            f"service.authentication.issuer {authentication.issuer!r}",
            f"Container Apps checks bearer tokens of Microsoft Entra: write {_ENTRA[0]}<tenant>/v2.0",
        )
    _check_secrets("service", spec.secrets)


def check_job(spec: JobSpec) -> None:
    """Raise UnsupportedError for what Container Apps jobs cannot do."""
    _check_size("training", spec.cpu, spec.memory_mb, most=4)
    _check_secrets("training", spec.secrets)


def _check_secrets(owner: str, secrets: Mapping[str, str]) -> None:
    """Check references to secrets of the stack's vault."""
    for variable, reference in secrets.items():
        # learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates: object name and version
        if re.fullmatch(r"[0-9a-zA-Z-]{1,127}(/[0-9a-f]{32})?", reference) is None:
            raise UnsupportedError(
                "azure",
                f"{owner}.secrets.{variable} {reference!r}",
                "write the name of a secret in the stack's Key Vault, with /<version> to pin one",
            )


def check_tracking(spec: TrackingSpec, environment: Environment) -> None:
    """Raise SpecError for a size that no PostgreSQL has here, UnsupportedError for one without a standby."""
    machine = spec.machine or ""
    if machine and re.fullmatch(_MACHINE, machine) is None:
        raise SpecError(
            f"tracking.machine is {machine!r}: not a size of Azure Database for PostgreSQL; "
            "write e.g. Standard_B2s or Standard_D2ds_v5, or remove it"
        )
    # learn.microsoft.com/azure/postgresql/high-availability/concepts-high-availability
    if environment.production and machine.startswith("Standard_B"):
        raise UnsupportedError(
            "azure",
            f"tracking.machine {machine!r} in production",
            "a burstable server has no standby in another zone: use e.g. Standard_D2ds_v5, or remove it",
        )


def _check_size(owner: str, cpu: float, memory_mb: int, most: float) -> None:
    """Check a size against learn.microsoft.com/azure/container-apps/containers#allocations: 2 GiB for each vCPU."""
    if cpu > most:
        raise UnsupportedError("azure", f"{owner}.cpu {cpu:g}", f"use {most:g} or less")
    if memory_mb != cpu * 2048:
        raise UnsupportedError(
            "azure", f"{owner}.memoryMb {memory_mb} beside {cpu:g} vCPU", f"use {int(cpu * 2048)}, 2 GiB for each vCPU"
        )
