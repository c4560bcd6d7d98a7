"""A value that no cloud would accept is refused with the value, the reason and the fix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.release import Release, Traffic, release_id, service_environment
from components.spec import (
    Authentication,
    Environment,
    JobSpec,
    MonitoringSpec,
    NetworkSpec,
    Receiver,
    ServiceSpec,
    SpecError,
    UnsupportedError,
)
from components.tracking import TrackingSpec
from tests.components.harness import run

DIGEST = "sha256:" + "a" * 64
RELEASE: dict[str, Any] = {"model_version": "0123456789abcdef", "image": f"r.test/s@{DIGEST}", "commit": "1" * 40}


def environment(**changes: Any) -> Environment:
    settings: dict[str, Any] = {"cloud": "aws", "tier": "dev", "project": "p", "stack": "aws-dev"}
    return Environment(**(settings | changes))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NetworkSpec(cidr="10.0.0.0/33"), r"network\.cidr is '10\.0\.0\.0/33'.*such as 10\.20\.0\.0/16"),
        (lambda: NetworkSpec(cidr="10.0.0.1/16"), r"network\.cidr.*host bits"),
        (lambda: NetworkSpec(cidr="8.8.0.0/16"), r"not a private range; choose one within 10\.0\.0\.0/8"),
        (lambda: NetworkSpec(cidr="10.0.0.0/24"), r"a /24 is not between /16 and /20"),
        (lambda: ServiceSpec(port=80), r"service\.port is 80: not an unprivileged port; use 8000"),
        (lambda: ServiceSpec(port=8001), r"service\.port is 8001: the metrics port"),
        (lambda: ServiceSpec(cpu=0.3), r"service\.cpu is 0\.3: not 0\.25 to 4 in steps of 0\.25; use 1"),
        (lambda: ServiceSpec(memory_mb=100), r"service\.memoryMb is 100.*use 2048"),
        (lambda: ServiceSpec(min_replicas=-1), r"service\.minReplicas is -1"),
        (lambda: ServiceSpec(max_replicas=0), r"service\.maxReplicas is 0"),
        (lambda: ServiceSpec(min_replicas=4), r"service\.minReplicas is 4: above maxReplicas \(3\)"),
        (lambda: ServiceSpec(target_concurrency=0), r"service\.targetConcurrency is 0"),
        (lambda: ServiceSpec(env={"lower": "x"}), r"'lower'.*use capitals"),
        (lambda: ServiceSpec(env={"RELEASE": "x"}), r"'RELEASE': set by the platform; leave it out"),
        (lambda: ServiceSpec(env={"LATENCY_BUCKETS": "1"}), r"'LATENCY_BUCKETS': set by the platform; leave it out"),
        (lambda: ServiceSpec(env={"KEY": "x"}, secrets={"KEY": "y"}), r"\['KEY'\]: also in service\.env"),
        (lambda: Authentication(issuer="http://login.test", audience="a"), r"issuer is 'http://login\.test'"),
        (lambda: Authentication(issuer="https://login.test", audience=""), r"audience is ''"),
        (lambda: JobSpec(schedule="daily"), r"training\.schedule is 'daily'.*write e\.g\. '0 3 \* \* 1'"),
        (
            lambda: JobSpec(tracking_url="http://mlflow.test"),
            r"training\.trackingUrl is 'http://mlflow\.test'.*https ad",
        ),
        (lambda: JobSpec(tracking_url="https://me:secret@mlflow.test"), r"without a port or a password"),
        (lambda: JobSpec(env={"ARTIFACTS_URL": "x"}), r"training\.env/secrets: name is 'ARTIFACTS_URL': set by the pl"),
        (lambda: JobSpec(env={"KEY": "x"}, secrets={"KEY": "y"}), r"\['KEY'\]: also in training\.env"),
        (lambda: JobSpec(timeout_seconds=5), r"training\.timeoutSeconds is 5"),
        (lambda: TrackingSpec(storage_gb=20), r"tracking\.storageGb is 20: not offered by all clouds; use \(32, 64"),
        (lambda: TrackingSpec(backup_days=1), r"tracking\.backupDays is 1: not between 7 and 35; use 7"),
        (lambda: MonitoringSpec(log_retention_days=31), r"logRetentionDays is 31: not offered by all clouds"),
        (lambda: Receiver(name="On Call", kind="email", address="a@b.c"), r"receiver name is 'On Call'"),
        (lambda: Receiver(name="team", kind="email", address="a@b.c", severities=()), r"severities is \[\]: empty"),
        (lambda: environment(stack="Dev"), r"stack is 'Dev'.*lowercase letters"),
        (lambda: environment(stack="a--b"), r"stack is 'a--b'"),
        (lambda: environment(stack="a" * 25), r"at most 24 characters"),
        (lambda: environment(tags={"Team": "x"}), r"tags: key is 'Team'"),
        (lambda: environment(tags={"team": "ML & Co"}), r"tags\.team is 'ML & Co'"),
        (lambda: Release(**{**RELEASE, "image": "r.test/s:latest"}), r"image is 'r\.test/s:latest'.*never by tag"),
        (lambda: Release(**{**RELEASE, "model_version": "v1"}), r"modelVersion is 'v1'.*manifest\.json"),
        (lambda: Release(**{**RELEASE, "commit": "main"}), r"commit is 'main'"),
        (lambda: Traffic(stable=Release(**RELEASE), candidate_weight=5), r"candidateWeight is 5: there is no cand"),
        (
            lambda: Traffic(stable=Release(**RELEASE), candidate=Release(**RELEASE), candidate_weight=101),
            r"candidateWeight is 101: not a percentage; write 0 to 100",
        ),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason_and_the_fix(make: Callable[[], object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make()


def test_two_receivers_of_one_name_are_refused() -> None:
    twice = (Receiver(name="a", kind="email", address="a@b.c"), Receiver(name="a", kind="slack", address="https://x"))
    with pytest.raises(SpecError, match=r"receiver names is \['a', 'a'\]: not unique; rename one"):
        MonitoringSpec(receivers=twice)


def test_what_a_cloud_cannot_do_is_said_with_a_way_out() -> None:
    error = UnsupportedError("aws", "scale to zero", "set service.minReplicas to 1 or more")
    assert str(error) == "aws cannot do scale to zero; set service.minReplicas to 1 or more"


def test_the_release_id_holds_model_image_and_commit_and_fits_a_label() -> None:
    found = release_id("0123456789abcdef", f"r.test/s@{DIGEST}", "1" * 40)
    assert found == "0123456789abcdef-aaaaaaaaaaaa-111111111111"
    assert len(found) <= 63
    assert found == release_id("0123456789abcdef", DIGEST, "1" * 40), "the registry is no part of a release"


def test_the_weights_are_shares_of_a_hundred() -> None:
    release = Release(**RELEASE)
    assert Traffic(stable=release).weights == (100, 0)
    assert Traffic(stable=release, candidate=release, candidate_weight=25).weights == (75, 25)


@pytest.mark.parametrize("preview", [False, True])
def test_the_service_is_told_its_ports_its_release_and_how_long_it_may_drain(preview: bool) -> None:
    def program() -> dict[str, object]:
        pulumi.ComponentResource("test:test:Some", "some")
        spec = ServiceSpec(env={"LOG_LEVEL": "debug"})
        return {"env": service_environment(spec, Release(**RELEASE))}

    assert run(program, preview=preview).outputs["env"] == {
        "LOG_LEVEL": "debug",
        "PORT": "8000",
        "METRICS_PORT": "8001",
        "DRAIN_SECONDS": "4",
        "SHUTDOWN_SECONDS": "5",
        "LATENCY_BUCKETS": "0.001,0.0025,0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5",
        "RELEASE": "0123456789abcdef-aaaaaaaaaaaa-111111111111",
    }
