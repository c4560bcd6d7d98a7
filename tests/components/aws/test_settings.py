from __future__ import annotations

from typing import Any

import pytest

from components.aws.settings import Settings, check_service, fargate_size, secret_arn
from components.spec import Authentication, Environment, ServiceSpec, SpecError, Tier, UnsupportedError


@pytest.mark.parametrize(
    ("cpu", "memory_mb", "expected"),
    [
        (0.25, 512, (256, 512)),
        (0.25, 768, (256, 1024)),
        (1, 2304, (1024, 3072)),
        (4, 16384, (4096, 16384)),
        (4, 512, (4096, 8192)),
    ],
)
def test_a_task_gets_the_smallest_size_that_holds_it(cpu: float, memory_mb: int, expected: tuple[int, int]) -> None:
    assert fargate_size("service", cpu, memory_mb) == expected


@pytest.mark.parametrize(
    ("cpu", "memory_mb", "message"),
    [
        (0.75, 2048, r"aws cannot do service\.cpu 0\.75 on Fargate; use 0\.25, 0\.5, 1, 2 or 4"),
        (0.5, 8192, r"8192 MiB \(side-car included\) with 0\.5 vCPU; stay within 4096 MiB"),
    ],
)
def test_a_size_that_fargate_has_not_is_refused(cpu: float, memory_mb: int, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        fargate_size("service", cpu, memory_mb)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"region": "moon-1"}, r"aws\.region is 'moon-1': not a region"),
        ({"region": "cn-north-1"}, r"aws\.region is 'cn-north-1': not a region of the standard partition"),
        ({"zones": ("a",)}, r"aws\.zones is \['a'\]: a load balancer needs two zones"),
        ({"zones": ("a", "a")}, r"aws\.zones is \['a', 'a'\]"),
        ({"zones": ("eu-west-1a", "eu-west-1b")}, r"write e\.g\. \[a, b\]"),
        ({"domain": "a.example.com"}, r"needs exactly one of aws\.hostedZoneId"),
        ({"domain": "a.example.com", "hosted_zone_id": "Z", "certificate_arn": "arn"}, r"needs exactly one"),
        ({"certificate_arn": "arn"}, r"aws\.domain is not set beside"),
        ({"verification_cidrs": ("0.0.0.0/0",)}, r"not for the whole internet"),
        ({"client_cidrs": ("10.0.0.1/8",)}, r"aws\.clientCidrs has '10\.0\.0\.1/8': .*has host bits set"),
        ({"request_seconds": 0.0}, r"aws\.requestSeconds is 0\.0: not between"),
        ({"agent_image": "prom/prometheus:latest"}, r"aws\.agentImage is 'prom/prometheus:latest': refer to it by"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_with_its_name_value_and_remedy(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        Settings(**settings)


def test_a_reference_to_a_key_of_a_secret_names_the_secret() -> None:
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-AbCdEf"
    assert secret_arn(secret) == secret_arn(f"{secret}:token::") == secret


@pytest.mark.parametrize(
    ("tier", "spec", "error", "message"),
    [
        ("prod", ServiceSpec(), SpecError, r"aws\.domain is not set: production speaks HTTPS only"),
        ("dev", ServiceSpec(min_replicas=0), UnsupportedError, r"aws cannot do scale to zero.*set it to 1"),
        (
            "dev",
            ServiceSpec(authentication=Authentication(issuer="https://id.example.org", audience="predictions")),
            UnsupportedError,
            r"service\.authentication without HTTPS.*set aws\.domain",
        ),
        (
            "dev",
            ServiceSpec(secrets={"TOKEN": "my-token"}),
            SpecError,
            r"service\.secrets\.TOKEN is 'my-token': not the ARN of a secret; copy it",
        ),
    ],
)
def test_a_service_that_cannot_run_here_is_refused_before_anything_is_made(
    tier: Tier, spec: ServiceSpec, error: type[Exception], message: str
) -> None:
    environment = Environment(cloud="aws", tier=tier, project="mlplatform", stack=f"aws-{tier}")
    with pytest.raises(error, match=message):
        check_service(environment, spec, Settings())
