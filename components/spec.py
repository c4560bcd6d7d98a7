"""What every cloud accepts, validated once: an error names the value, the reason and the fix.

A setting that only one cloud knows lives in that cloud's ``settings.py``. What a cloud cannot do raises
UnsupportedError there; nothing is silently ignored.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from observability.alerts import Watch
from observability.rules import RELEASES, Rules, Severity, with_releases
from observability.series import Series
from observability.slo import Slo

Cloud = Literal["azure", "aws", "gcp", "local"]
Tier = Literal["dev", "prod"]
Ingress = Literal["public", "private"]
ReceiverKind = Literal["email", "webhook", "slack", "pagerduty", "opsgenie"]

METRICS_PORT = 8001
"""Where /metrics listens: never the port that the ingress exposes."""
READY_PATH = "/health"
"""200 when the model is loaded, has predicted its example and is not draining, otherwise 503."""
LIVE_PATH = "/health/live"
"""200 while the process answers."""
STARTUP_SECONDS = 60
"""How long a replica may take to its first readiness before it is replaced."""
DRAIN_SECONDS = 4
"""How long after TERM the service still accepts requests, while the load balancer learns that it is not ready."""
SHUTDOWN_SECONDS = 5
"""How long requests in flight may then take; with the drain below Cloud Run's fixed 10 s between TERM and KILL."""
GRACE_SECONDS = 30
"""Time between TERM and KILL where it can be set; longer than the drain and the shutdown."""
USER_ID = 10001
"""The numeric user of the images."""
TRAINING_ARGUMENTS = ("retrain", "--promote", "--unchanged-ok")
"""What a training job runs: nothing if nothing has changed; a model that passes the gate becomes the current one."""


class SpecError(pulumi.RunError, ValueError):
    """A value that no cloud would accept; the message says which, why and what to write instead.

    The engine shows a RunError's message without a stack trace.
    """


class UnsupportedError(pulumi.RunError):
    """A valid request that one cloud cannot fulfil."""

    def __init__(self, cloud: Cloud, request: str, instead: str) -> None:
        super().__init__(f"{cloud} cannot do {request}; {instead}")


def require(holds: bool, name: str, value: object, reason: str, fix: str) -> None:
    """Raise SpecError for ``name = value`` unless ``holds``."""
    if not holds:
        raise SpecError(f"{name} is {value!r}: {reason}; {fix}")


def require_match(pattern: str, name: str, value: str, fix: str) -> None:
    """Raise SpecError unless the whole of ``value`` matches ``pattern``."""
    require(re.fullmatch(pattern, value) is not None, name, value, f"does not match {pattern}", fix)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Whose resources these are; the identity part (cloud, project, stack, namespace) enters every name.

    ``namespace`` makes globally unique names (registries, buckets, vaults) differ between organisations that use
    the same project and stack names. ``tags`` are for display and billing and never rename anything.
    ``retiring`` takes production's guards in the cloud itself off, so that it can be destroyed.
    """

    cloud: Cloud
    tier: Tier
    project: str
    stack: str
    namespace: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    retiring: bool = False

    def __post_init__(self) -> None:
        fix = "use lowercase letters, digits and single hyphens, a letter first, at most 24 characters"
        require_match(r"(?!.*--)[a-z][a-z0-9-]{0,22}[a-z0-9]", "stack", self.stack, fix)
        require_match(r"[a-z0-9-]{0,40}", "namespace", self.namespace, "use lowercase letters, digits and hyphens")
        for key, value in self.tags.items():
            require_match(r"[a-z][a-z0-9_-]{0,62}", "tags: key", key, "use lowercase letters, digits, '_' and '-'")
            require_match(r"[a-z0-9_-]{0,63}", f"tags.{key}", value, "use lowercase letters, digits, '_' and '-'")

    @property
    def production(self) -> bool:
        """Whether data and availability are protected as production's."""
        return self.tier == "prod"

    @property
    def guarded(self) -> bool:
        """Whether the cloud itself is to refuse deletions, whoever asks; not where the stack is to be taken down."""
        return self.production and not self.retiring


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """The private address range, at least a /20: the clouds reserve addresses and want subnets of /23 to /27."""

    cidr: str = "10.20.0.0/16"

    def __post_init__(self) -> None:
        try:
            network = ipaddress.IPv4Network(self.cidr)
        except ValueError as error:
            raise SpecError(f"network.cidr is {self.cidr!r}: {error}; write a range such as 10.20.0.0/16") from error
        private = any(network.subnet_of(ipaddress.IPv4Network(block)) for block in _PRIVATE)
        require(private, "network.cidr", self.cidr, "not a private range", f"choose one within {', '.join(_PRIVATE)}")
        size = network.prefixlen
        require(16 <= size <= 20, "network.cidr", self.cidr, f"a /{size} is not between /16 and /20", "write /16")


_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


@dataclass(frozen=True, kw_only=True)
class Authentication:
    """Callers must bring a token that ``issuer`` (an https address) signed for ``audience``, checked at the ingress."""

    issuer: str
    audience: str

    def __post_init__(self) -> None:
        require_match(r"https://[^\s/]+\S*", "service.authentication.issuer", self.issuer, "write its https address")
        require(bool(self.audience), "service.authentication.audience", self.audience, "empty", "name the audience")


@dataclass(frozen=True, kw_only=True)
class ServiceSpec:
    """One replica's size, how many there are and who reaches them.

    ``cpu`` in vCPU, ``memory_mb`` in MiB, ``target_concurrency`` the requests in flight per replica that autoscaling
    aims at. ``env`` is visible to everyone who can read the deployment; ``secrets`` maps a variable to the reference
    of an existing secret in the cloud's own store, so that no value passes through Pulumi. ``latency_buckets`` are the
    upper bounds of the service's latency histogram in seconds, those of its SLO: what alerts ask for must be counted.
    """

    port: int = 8000
    cpu: float = 1.0
    memory_mb: int = 2048
    min_replicas: int = 1
    max_replicas: int = 3
    target_concurrency: int = 32
    ingress: Ingress = "private"
    authentication: Authentication | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    latency_buckets: tuple[float, ...] = field(default_factory=lambda: Slo().buckets)

    def __post_init__(self) -> None:
        require(1024 <= self.port <= 65535, "service.port", self.port, "not an unprivileged port", "use 8000")
        require(self.port != METRICS_PORT, "service.port", self.port, "the metrics port", "use another, e.g. 8000")
        _require_size("service", self.cpu, self.memory_mb)
        low, high = self.min_replicas, self.max_replicas
        require(0 <= low <= 100, "service.minReplicas", low, "not between 0 and 100", "use 1, or 0 to scale to zero")
        require(1 <= high <= 100, "service.maxReplicas", high, "not between 1 and 100", "use 3")
        require(low <= high, "service.minReplicas", low, f"above maxReplicas ({high})", "lower it or raise the other")
        aim = self.target_concurrency
        require(1 <= aim <= 1000, "service.targetConcurrency", aim, "not between 1 and 1000", "use 32")
        _require_variables("service", self.env, self.secrets, _OF_THE_SERVICE)


_OF_THE_SERVICE = {"PORT", "METRICS_PORT", "RELEASE", "DRAIN_SECONDS", "SHUTDOWN_SECONDS", "LATENCY_BUCKETS"}


def _require_variables(owner: str, env: Mapping[str, str], secrets: Mapping[str, str], owned: set[str]) -> None:
    """Check the names of a container's variables, of which the platform sets those that it has ``owned``."""
    for name in (*env, *secrets):
        require_match(r"[A-Z][A-Z0-9_]*", f"{owner}.env/secrets: name", name, "use capitals, digits and '_'")
        require(name not in owned, f"{owner}.env/secrets: name", name, "set by the platform", "leave it out")
    both = sorted(set(env) & set(secrets))
    require(not both, f"{owner}.secrets: names", both, f"also in {owner}.env", "keep them in one of the two")


def _require_size(owner: str, cpu: float, memory_mb: int) -> None:
    """Check the size of a container in vCPU and MiB."""
    fits = 0.25 <= cpu <= 4 and (cpu * 4) == int(cpu * 4)
    require(fits, f"{owner}.cpu", cpu, "not 0.25 to 4 in steps of 0.25", "use 1")
    fits = 512 <= memory_mb <= 16384 and memory_mb % 256 == 0
    require(fits, f"{owner}.memoryMb", memory_mb, "not 512 to 16384 in steps of 256", "use 2048")


@dataclass(frozen=True, kw_only=True)
class JobSpec:
    """A training run: its size, its limit in time, when it starts by itself and which MLflow server it tells.

    ``schedule`` is a cron expression of five fields in UTC; None means on demand only. ``tracking_url`` is a server in
    the stack's network; None leaves the books to the object store alone. ``env`` and ``secrets`` are those of a
    ServiceSpec: where the data are, and what opens them and the server.
    """

    cpu: float = 2.0
    memory_mb: int = 4096
    timeout_seconds: int = 3600
    schedule: str | None = None
    tracking_url: str | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        _require_size("training", self.cpu, self.memory_mb)
        limit = self.timeout_seconds
        require(60 <= limit <= 86400, "training.timeoutSeconds", limit, "not between 60 and 86400", "use 3600")
        if self.schedule is not None:
            require_match(r"[-0-9*/,]+( [-0-9*/,]+){4}", "training.schedule", self.schedule, "write e.g. '0 3 * * 1'")
        if self.tracking_url is not None:
            fix = "write its https address, without a port or a password"
            require_match(r"https://[^\s/:@?#]+(/[^\s?#]*)?", "training.trackingUrl", self.tracking_url, fix)
        _require_variables("training", self.env, self.secrets, _OF_TRAINING)

    @property
    def variables(self) -> dict[str, str]:
        """The plain variables that are the same in every cloud."""
        return {**self.env, **({"MLFLOW_TRACKING_URI": self.tracking_url} if self.tracking_url else {})}


# The first is `training.trackingUrl`, for which the network is opened too.
_OF_TRAINING = {"MLFLOW_TRACKING_URI", "ARTIFACTS_URL", "AWS_REGION", "AZURE_CLIENT_ID"}


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Where alerts go. ``address`` is an e-mail address, a webhook's URL or a service's key (a secret output then)."""

    name: str
    kind: ReceiverKind
    address: pulumi.Input[str]
    severities: tuple[Severity, ...] = ("page", "ticket")

    def __post_init__(self) -> None:
        require_match(r"[a-z][a-z0-9-]{0,30}", "receiver name", self.name, "use lowercase letters, digits, '-'")
        require(bool(self.severities), f"receiver {self.name}: severities", [], "empty", "name 'page' or 'ticket'")


@dataclass(frozen=True, kw_only=True)
class MonitoringSpec:
    """What is watched, who is told, and how long logs are kept.

    ``watch`` is what the ``rules`` are made from; dashboards are made from it too. ``releases`` are the ids of those
    that should serve, which the rules leave a place for.
    """

    watch: Watch = field(default_factory=lambda: Watch(slo=Slo(), series=Series(), replicas=1))
    rules: Rules = field(default_factory=Rules)
    releases: tuple[pulumi.Input[str], ...] = ()
    receivers: tuple[Receiver, ...] = ()
    log_retention_days: int = 30

    def __post_init__(self) -> None:
        days = self.log_retention_days
        offered = (30, 60, 90, 120, 180, 365)
        require(days in offered, "monitoring.logRetentionDays", days, "not offered by all clouds", f"use {offered}")
        names = [receiver.name for receiver in self.receivers]
        require(len(set(names)) == len(names), "receiver names", names, "not unique", "rename one")

    def filled(self, text: str) -> pulumi.Input[str]:
        """An expression, or a file of them, with the releases in their place; known at once where none stands in it."""
        if RELEASES not in text:
            return text
        return pulumi.Output.all(*self.releases).apply(lambda releases: with_releases(text, releases))


@dataclass(frozen=True, kw_only=True)
class VerificationSpec:
    """How long a release may take, once the cloud has deployed it, until it answers as itself at its own address."""

    enabled: bool = True
    deadline_seconds: int = 300

    def __post_init__(self) -> None:
        limit = self.deadline_seconds
        require(1 <= limit <= 3600, "verification.deadlineSeconds", limit, "not between 1 and 3600", "use 300")
