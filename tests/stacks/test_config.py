"""A stack's file becomes the specs, or an error that names the key, the value and the fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from components.spec import Authentication, JobSpec, NetworkSpec, ServiceSpec
from components.tracking import TrackingSpec
from observability.slo import Availability, Latency, Quality, Slo
from stacks import config
from stacks.config import ConfigError
from tests.components.harness import Run, Secret, run

DIGEST = "sha256:" + "a" * 64
RELEASE = {"image": f"r.test/s@{DIGEST}", "modelVersion": "0123456789abcdef", "commit": "1" * 40}
DEV = {"cloud": "aws", "environment": "dev", "model": "iris", "image": "build"}
PROD = {"cloud": "aws", "environment": "prod", "model": "iris", "stable": RELEASE}


@dataclass(frozen=True, kw_only=True)
class Own:
    """A cloud's settings."""

    region: str = "eu-central-1"
    nat_gateway: bool = False


def read(settings: dict[str, Any], secrets: tuple[str, ...] = ()) -> config.Settings[Own]:
    """What the program reads from this configuration; it exports the receivers' addresses as ``<name>``."""
    return read_and_run(settings, secrets)[0]


def read_and_run(settings: dict[str, Any], secrets: tuple[str, ...]) -> tuple[config.Settings[Own], Run]:
    found: list[config.Settings[Own]] = []

    def program() -> dict[str, Any]:
        pulumi.ComponentResource("test:test:Some", "some")
        found.append(config.read(Own))
        return {receiver.name: receiver.address for receiver in found[0].monitoring.receivers}

    done = run(
        program,
        config={f"mlplatform:{key}": value for key, value in settings.items()},
        secrets=frozenset(f"mlplatform:{key}" for key in secrets),
        stack_name="aws-dev",
    )
    return found[0], done


def test_a_minimal_development_stack_takes_the_defaults() -> None:
    found = read(DEV)
    assert found.network == NetworkSpec()
    assert found.service == ServiceSpec()
    assert found.training is None
    assert found.tracking is None
    assert found.releases is None
    assert (found.model, found.model_version) == ("iris", None)
    assert (found.environment.stack, found.environment.tier, found.environment.production) == ("aws-dev", "dev", False)
    assert found.own == Own()


def test_every_object_has_the_fields_of_its_spec_in_camel_case() -> None:
    found = read(
        {
            **DEV,
            "model": "iris@0123456789abcdef",
            "network": {"cidr": "10.9.0.0/16"},
            "service": {
                "cpu": 2,
                "memoryMb": 4096,
                "minReplicas": 0,
                "ingress": "public",
                "authentication": {"issuer": "https://login.test", "audience": "api"},
                "env": {"LOG_LEVEL": "debug"},
                "secrets": {"API_KEY": "arn:x"},
            },
            "training": {"schedule": "0 3 * * 1", "timeoutSeconds": 600},
            "tracking": {"storageGb": 64, "backupDays": 14, "machine": "db.t4g.small"},
            "monitoring": {
                "logRetentionDays": 90,
                "runbooks": "https://git.example.org/docs/runbooks",
                "slo": {
                    "windowDays": 28,
                    "availability": {"target": 0.995},
                    "latency": {"target": 0.95, "thresholdSeconds": 0.2},
                    "quality": {"target": 0.9, "psiLimit": 0.25, "window": "30m", "minimumRows": 50},
                    "minimumRequests": 7,
                    "modelAgeDays": 30,
                },
            },
            "tags": {"team": "ml"},
            "aws": {"natGateway": True},
        }
    )
    assert found.model_version == "0123456789abcdef"
    assert found.network == NetworkSpec(cidr="10.9.0.0/16")
    assert found.service == ServiceSpec(
        cpu=2,
        memory_mb=4096,
        min_replicas=0,
        ingress="public",
        authentication=Authentication(issuer="https://login.test", audience="api"),
        env={"LOG_LEVEL": "debug"},
        secrets={"API_KEY": "arn:x"},
        latency_buckets=found.slo.buckets,
    )
    assert found.slo == Slo(
        window_days=28,
        availability=Availability(target=0.995),
        latency=Latency(target=0.95, threshold_seconds=0.2),
        quality=Quality(target=0.9, psi_limit=0.25, window="30m", minimum_rows=50),
        minimum_requests=7,
        model_age_days=30,
    )
    assert 0.2 in found.slo.buckets
    assert found.runbooks == "https://git.example.org/docs/runbooks"
    assert found.training == JobSpec(schedule="0 3 * * 1", timeout_seconds=600)
    assert found.tracking == TrackingSpec(storage_gb=64, backup_days=14, machine="db.t4g.small")
    assert found.monitoring.log_retention_days == 90
    assert found.environment.tags == {"team": "ml"}
    assert found.own == Own(nat_gateway=True)


def test_a_production_stack_takes_releases_and_the_weight_of_the_candidate() -> None:
    found = read({**PROD, "candidate": {**RELEASE, "commit": "2" * 40}, "candidateWeight": "25"})
    assert found.releases
    assert found.releases.stable.commit == "1" * 40
    assert found.releases.candidate
    assert found.releases.candidate.commit == "2" * 40
    assert found.releases.weights == (75, 25)


def test_a_receivers_secret_stays_secret() -> None:
    receivers = [
        {"name": "oncall", "kind": "pagerduty", "secret": "pagerKey", "severities": ["page"]},
        {"name": "team", "kind": "email", "address": "team@example.org"},
    ]
    found, done = read_and_run({**DEV, "receivers": receivers, "pagerKey": "k"}, ("pagerKey",))
    assert done.outputs == {"oncall": Secret("k"), "team": "team@example.org"}
    assert [receiver.severities for receiver in found.monitoring.receivers] == [("page",), ("page", "ticket")]


def slo(**objectives: Any) -> dict[str, Any]:
    """A development stack with these objectives."""
    return {**DEV, "monitoring": {"slo": objectives}}


def without(settings: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != key}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (without(DEV, "cloud"), r"mlplatform:cloud is not set; .* to one of azure, aws, gcp, local"),
        ({**DEV, "cloud": "ibm"}, r"mlplatform:cloud is 'ibm'; choose one of azure, aws, gcp, local"),
        ({**DEV, "environment": "staging"}, r"mlplatform:environment is 'staging'; choose one of dev, prod"),
        (without(DEV, "model"), r"mlplatform:model is not set; .* the name of a directory under artifacts/"),
        (without(DEV, "image"), r"mlplatform:stable is not set; .*or in dev image: build"),
        ({**DEV, "image": "s:1"}, r"mlplatform:image is 's:1'; write 'build', or remove it and set stable"),
        ({**DEV, "candidateWeight": "5"}, r"mlplatform:candidateWeight is 5 beside image: build.*remove one"),
        ({**PROD, "image": "build"}, r"mlplatform:image is 'build', which production refuses"),
        ({**PROD, "stable": {**RELEASE, "image": "r.test/s:1"}}, r"mlplatform:stable: image is 'r\.test/s:1'.*digest"),
        ({**PROD, "stable": {"image": "x"}}, r"mlplatform:stable: .*missing required field `model_version`"),
        ({**PROD, "stable": "s@sha256:1"}, r"mlplatform:stable' value 's@sha256:1' is not a valid 'JSON object'"),
        ({**PROD, "candidateWeight": "much"}, r"candidateWeight.*much.*write a value of that type"),
        ({**PROD, "candidateWeight": "5"}, r"candidateWeight is 5: there is no candidate"),
        ({**PROD, "training": {}}, r"mlplatform:trainingImage is not set; .*or remove training"),
        ({**PROD, "training": {}, "trainingImage": "r.test/t:1"}, r"mlplatform:trainingImage is 'r\.test/t:1'"),
        (
            {**PROD, "service": {"ingress": "public"}},
            r"mlplatform:service\.ingress is 'public' without authentication, which production refuses; set service",
        ),
        ({**DEV, "service": {"memory": 1}}, r"mlplatform:service\.memory is not a setting; choose from .*memoryMb"),
        ({**DEV, "service": {"cpu": "one"}}, r"mlplatform:service\.cpu is 'one': Expected `float`, got `str`"),
        ({**DEV, "service": {"cpu": 9}}, r"service\.cpu is 9.*use 1"),
        ({**DEV, "service": [1]}, r"mlplatform:service is \[1\]; write an object"),
        (
            {**DEV, "service": {"authentication": {"issuer": "https://x.test", "user": "a"}}},
            r"mlplatform:service\.authentication\.user is not a setting; choose from audience, issuer",
        ),
        (
            {**DEV, "service": {"latencyBuckets": [0.1]}},
            r"mlplatform:service\.latencyBuckets is not a setting: .*; set mlplatform:monitoring\.slo",
        ),
        (
            slo(availability={"target": 1}),
            r"mlplatform:monitoring: slo\.availability\.target is 1.*: use a share from 0\.5",
        ),
        (slo(latency={"thresholdSeconds": 30}), r"slo\.latency\.thresholdSeconds is 30.*: use 0\.001 to 10 seconds"),
        (
            slo(latency={"thresholdSeconds": "fast"}),
            r"mlplatform:monitoring\.slo\.latency\.thresholdSeconds is 'fast': Expected `float`, got `str`",
        ),
        (slo(quality={"window": "6 hours"}), r"slo\.quality\.window is '6 hours': write minutes or hours"),
        (slo(windowDays=365), r"slo\.windowDays is 365: use 7 to 90 days"),
        (
            slo(errors=0.1),
            r"mlplatform:monitoring\.slo\.errors is not a setting; choose from availability, latency, min",
        ),
        (slo(quality=0.1), r"mlplatform:monitoring\.slo\.quality is 0\.1; write an object"),
        (
            {**DEV, "monitoring": {"runbooks": "ftp://x/"}},
            r"monitoring\.runbooks is 'ftp://x/': neither an address nor",
        ),
        ({**DEV, "network": {"cidr": "10.0.0.0/30"}}, r"network\.cidr is '10\.0\.0\.0/30'"),
        ({**DEV, "aws": {"region": 1}}, r"mlplatform:aws\.region is 1: Expected `str`, got `int`"),
        ({**DEV, "buildOnPreview": "perhaps"}, r"buildOnPreview.*perhaps.*write a value of that type"),
        (
            {**DEV, "receivers": [{"name": "a", "kind": "fax", "address": "1"}]},
            r"mlplatform:receivers\[0\]\.kind is 'fax': Invalid",
        ),
        ({**DEV, "receivers": [{"name": "a", "kind": "slack"}]}, r"receivers\[0\] needs exactly one of address and"),
        (
            {**DEV, "receivers": [{"name": "a", "kind": "slack", "secret": "hook"}]},
            r"mlplatform:hook is not set; .*the secret address of receivers\[0\] \(with --secret\)",
        ),
        ({**DEV, "tags": {"Team": "x"}}, r"tags: key is 'Team'"),
    ],
)
def test_a_wrong_configuration_names_the_key_the_value_and_the_fix(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(settings)


def test_an_error_in_a_receiver_does_not_show_its_address() -> None:
    receivers = [{"name": "a", "kind": "fax", "address": "https://hooks.test/private"}]
    with pytest.raises(ConfigError) as raised:
        read({**DEV, "receivers": receivers})
    assert "private" not in str(raised.value)


def test_a_choice_is_one_of_the_valid_ones() -> None:
    def program(check: Callable[[str], None]) -> Callable[[], None]:
        def inner() -> None:
            pulumi.ComponentResource("test:test:Some", "some")
            check(config.choice("colour", ["red", "blue"]))

        return inner

    chosen: list[str] = []
    run(program(chosen.append), config={"mlplatform:colour": "blue"})
    assert chosen == ["blue"]
