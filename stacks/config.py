"""The only reader of ``pulumi.Config``: turns a stack's file into the specs, or says what to change in it.

The objects ``network``, ``service``, ``monitoring.slo``, ``verification``, ``training``, ``tracking`` and the one
named like the cloud have the fields of their dataclass in camelCase; docs/clouds.md lists every key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar, cast, get_args

import pulumi

from components.release import IMAGE, Release, Traffic
from components.spec import (
    Cloud,
    Environment,
    JobSpec,
    MonitoringSpec,
    NetworkSpec,
    Receiver,
    ReceiverKind,
    ServiceSpec,
    SpecError,
    Tier,
    VerificationSpec,
)
from components.tracking import TrackingSpec
from observability.alerts import RUNBOOKS
from observability.rules import Severity
from observability.slo import Slo
from stacks.objects import ConfigError, convert, full_key

Own = TypeVar("Own")
Spec = TypeVar("Spec")


@dataclass(frozen=True, kw_only=True)
class Settings(Generic[Own]):
    """Everything a stack program is told. ``own`` holds what only this cloud knows.

    ``monitoring`` has no rules yet: they follow from ``slo``, ``runbooks`` and what is deployed (``stacks/watch.py``).
    ``releases`` is None where this program builds the image itself (``image: build``). ``model_version`` is None
    where the pointer of the local artifacts decides, ``training`` where no job and ``tracking`` where no
    store is wanted.
    """

    environment: Environment
    network: NetworkSpec
    service: ServiceSpec
    monitoring: MonitoringSpec
    slo: Slo
    runbooks: str
    verification: VerificationSpec
    training: JobSpec | None
    training_image: str | None
    tracking: TrackingSpec | None
    releases: Traffic | None
    model: str
    model_version: str | None
    base_image: str | None
    build_on_preview: bool
    own: Own


@dataclass(frozen=True, kw_only=True)
class _MonitoringEntry:
    """What ``monitoring`` may hold; ``runbooks`` is the address, or the folder here, of the alerts' pages."""

    log_retention_days: int = 30
    slo: Slo = field(default_factory=Slo)
    runbooks: str = RUNBOOKS

    def __post_init__(self) -> None:
        if re.fullmatch(r"(https?://)?[^\s:]*[^\s:/]", self.runbooks) is None:
            raise SpecError(
                f"monitoring.runbooks is {self.runbooks!r}: neither an address nor a folder; write e.g. "
                "https://git.example.org/mlplatform/blob/main/docs/runbooks, without a slash at its end"
            )


@dataclass(frozen=True, kw_only=True)
class _ReceiverEntry:
    """One of ``receivers``: its address stands here, or in the secret key that ``secret`` names."""

    name: str
    kind: ReceiverKind
    address: str | None = None
    secret: str | None = None
    severities: tuple[Severity, ...] = ("page", "ticket")


@dataclass(frozen=True, kw_only=True)
class _ReleaseEntry:
    """What ``stable`` and ``candidate`` hold."""

    image: str
    model_version: str
    commit: str


def choice(key: str, valid: Sequence[str]) -> str:
    """The value of ``key``, which must be one of ``valid``."""
    value = _text(key, f"one of {', '.join(valid)}")
    if value not in valid:
        raise ConfigError(f"{full_key(key)} is '{value}'; choose one of {', '.join(valid)}")
    return value


def read(own: type[Own]) -> Settings[Own]:
    """Read and check the whole configuration; ``own`` is the cloud's settings dataclass."""
    config = pulumi.Config()
    try:
        environment = _environment(config)
        building = _building(config, environment)
        watched = _object("monitoring", _MonitoringEntry)
        service = _service(watched.slo)
        _refuse_open_production(environment, service)
        model, _, version = _text("model", "the name of a directory under artifacts/").partition("@")
        training = _object("training", JobSpec) if config.get("training") is not None else None
        return Settings(
            environment=environment,
            network=_object("network", NetworkSpec),
            service=service,
            monitoring=MonitoringSpec(receivers=_receivers(), log_retention_days=watched.log_retention_days),
            slo=watched.slo,
            runbooks=watched.runbooks,
            verification=_object("verification", VerificationSpec),
            training=training,
            training_image=_training_image() if training and not building else None,
            tracking=_object("tracking", TrackingSpec) if config.get("tracking") is not None else None,
            releases=None if building else _releases(config),
            model=model,
            model_version=version or None,
            base_image=config.get("baseImage"),
            build_on_preview=config.get_bool("buildOnPreview") or False,
            own=_object(environment.cloud, own),
        )
    except SpecError as error:
        raise ConfigError(str(error)) from error
    except pulumi.ConfigTypeError as error:
        raise ConfigError(f"{error}; write a value of that type") from error


def slo_of(monitoring: object) -> Slo:
    """The objectives in what a stack's file has under ``monitoring``, None included, for who runs no program.

    Raises ConfigError.
    """
    return convert("monitoring", monitoring or {}, _MonitoringEntry).slo


def _environment(config: pulumi.Config) -> Environment:
    """Who this stack is."""
    return Environment(
        cloud=cast(Cloud, choice("cloud", get_args(Cloud))),
        tier=cast(Tier, choice("environment", get_args(Tier))),
        project=pulumi.get_project(),
        stack=pulumi.get_stack(),
        namespace=config.get("namespace") or "",
        retiring=config.get_bool("retiring") or False,
        tags={str(key): str(value) for key, value in (config.get_object("tags") or {}).items()},
    )


def _building(config: pulumi.Config, environment: Environment) -> bool:
    """Whether this program builds the image, instead of deploying releases that were built before."""
    image = config.get("image")
    if image is None:
        return False
    if image != "build":
        raise ConfigError(f"{full_key('image')} is '{image}'; write 'build', or remove it and set stable")
    if environment.production:
        raise ConfigError(
            f"{full_key('image')} is 'build', which production refuses: a release is built once, promoted by digest; "
            "remove it and set stable (image, modelVersion, commit)"
        )
    for key in ("stable", "candidate", "candidateWeight"):
        if (value := config.get(key)) is not None:
            raise ConfigError(
                f"{full_key(key)} is {value} beside image: build, which deploys this checkout; remove one"
            )
    return True


def _refuse_open_production(environment: Environment, service: ServiceSpec) -> None:
    """Production is never public without authentication."""
    if environment.production and service.ingress == "public" and service.authentication is None:
        raise ConfigError(
            f"{full_key('service')}.ingress is 'public' without authentication, which production refuses; "
            "set service.authentication (issuer, audience) or ingress: private"
        )


def _releases(config: pulumi.Config) -> Traffic:
    """The desired releases and weights."""
    stable = _release("stable")
    if stable is None:
        raise _missing("stable", "a release (image, modelVersion, commit), or in dev image: build")
    weight = config.get_int("candidateWeight") or 0
    return Traffic(stable=stable, candidate=_release("candidate"), candidate_weight=weight)


def _release(key: str) -> Release | None:
    """The release under ``key``, or None where it is absent."""
    if pulumi.Config().get(key) is None:
        return None
    entry = _object(key, _ReleaseEntry)
    try:
        return Release(model_version=entry.model_version, image=entry.image, commit=entry.commit)
    except SpecError as error:
        raise ConfigError(f"{full_key(key)}: {error}") from error


def _training_image() -> str:
    """The training image by digest, for a stack that builds nothing."""
    value = _text("trainingImage", "repository@sha256:…, or remove training")
    if re.fullmatch(IMAGE, value) is None:
        raise ConfigError(f"{full_key('trainingImage')} is '{value}'; refer to it by digest: repository@sha256:…")
    return value


def _service(slo: Slo) -> ServiceSpec:
    """The service, which counts latencies by the bounds that the objectives need."""
    written = pulumi.Config().get_object("service")
    if isinstance(written, dict) and "latencyBuckets" in written:
        raise ConfigError(
            f"{full_key('service')}.latencyBuckets is not a setting: the bounds follow from the objective; "
            f"set {full_key('monitoring')}.slo.latency.thresholdSeconds"
        )
    return replace(_object("service", ServiceSpec), latency_buckets=slo.buckets)


def _receivers() -> tuple[Receiver, ...]:
    """Who is told of alerts."""
    entries = pulumi.Config().get_object("receivers") or []
    return tuple(_receiver(f"receivers[{index}]", entry) for index, entry in enumerate(entries))


def _receiver(key: str, found: object) -> Receiver:
    """One entry of ``receivers``."""
    entry = convert(key, found, _ReceiverEntry)
    address: pulumi.Input[str]
    if entry.secret and not entry.address:
        if pulumi.Config().get(entry.secret) is None:
            raise _missing(entry.secret, f"the secret address of {key} (with --secret)")
        address = pulumi.Config().require_secret(entry.secret)
    elif entry.address and not entry.secret:
        address = entry.address
    else:
        raise ConfigError(f"{full_key(key)} needs exactly one of address and secret (the name of a secret key)")
    return Receiver(name=entry.name, kind=entry.kind, address=address, severities=entry.severities)


def _text(key: str, expected: str) -> str:
    """The value of a key that must be there."""
    value = pulumi.Config().get(key)
    if not value:
        raise _missing(key, expected)
    return value


def _object(key: str, spec: type[Spec]) -> Spec:
    """The object under ``key``, empty where it is absent, as a dataclass."""
    return convert(key, pulumi.Config().get_object(key) or {}, spec)


def _missing(key: str, expected: str) -> ConfigError:
    """The error for a key that is not there."""
    return ConfigError(f"{full_key(key)} is not set; `pulumi config set {full_key(key)} …` to {expected}")
