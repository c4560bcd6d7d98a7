"""What Azure cannot do is refused with the value, the reason and the fix."""

from __future__ import annotations

import pytest

from components.azure.settings import Settings, check_job, check_network, check_service
from components.spec import Authentication, JobSpec, NetworkSpec, ServiceSpec, SpecError, UnsupportedError

AGENT = f"registry.test/agent@sha256:{'d' * 64}"


def test_the_defaults_are_west_europe_and_nobody_from_outside() -> None:
    settings = Settings(agent_image=AGENT)
    assert settings.location == "westeurope"
    assert settings.allowed_ranges == ()


def test_an_agent_image_by_tag_is_refused() -> None:
    with pytest.raises(SpecError, match=r"azure\.agentImage is 'prom/prometheus:latest'.*by digest"):
        Settings(agent_image="prom/prometheus:latest")


def test_a_region_by_its_display_name_is_refused() -> None:
    with pytest.raises(SpecError, match=r"azure\.location is 'West Europe'.*westeurope"):
        Settings(agent_image=AGENT, location="West Europe")


@pytest.mark.parametrize("allowed", ["0.0.0.0/0", "10.0.0.0/8", "20.1.2.3/33", "everyone"])
def test_a_range_that_is_not_public_or_is_everyone_is_refused(allowed: str) -> None:
    with pytest.raises(SpecError, match=rf"azure\.allowedRanges has '{allowed}'"):
        Settings(agent_image=AGENT, allowed_ranges=(allowed,))


@pytest.mark.parametrize("allowed", ["20.1.2.3/32", "20.1.2.2/31"])
def test_a_prefix_that_storage_accounts_do_not_take_is_refused(allowed: str) -> None:
    with pytest.raises(SpecError, match=rf"azure\.allowedRanges has '{allowed}'.*each address alone"):
        Settings(agent_image=AGENT, allowed_ranges=(allowed,))


def test_a_single_public_address_is_a_range() -> None:
    assert Settings(agent_image=AGENT, allowed_ranges=("20.1.2.3",)).allowed_ranges == ("20.1.2.3",)


def test_a_network_that_container_apps_reserves_is_refused() -> None:
    with pytest.raises(UnsupportedError, match=r"azure cannot do network\.cidr 172\.30\.0\.0/16"):
        check_network(NetworkSpec(cidr="172.30.0.0/16"))


def test_memory_other_than_two_gib_for_each_cpu_is_refused() -> None:
    check_service(ServiceSpec(cpu=1, memory_mb=2048))
    with pytest.raises(UnsupportedError, match=r"service\.memoryMb 1024 beside 1 vCPU; use 2048"):
        check_service(ServiceSpec(cpu=1, memory_mb=1024))
    with pytest.raises(UnsupportedError, match=r"training\.memoryMb 8192 beside 2 vCPU; use 4096"):
        check_job(JobSpec(cpu=2, memory_mb=8192))


def test_a_replica_that_leaves_the_agent_no_cpu_is_refused() -> None:
    check_service(ServiceSpec(cpu=3.75, memory_mb=7680))
    with pytest.raises(UnsupportedError, match=r"service\.cpu 4; use 3\.75 or less"):
        check_service(ServiceSpec(cpu=4, memory_mb=8192))


def test_tokens_of_another_issuer_than_entra_are_refused() -> None:
    check_service(
        ServiceSpec(
            authentication=Authentication(issuer="https://login.microsoftonline.com/t/v2.0", audience="api://predict")
        )
    )
    with pytest.raises(UnsupportedError, match=r"issuer 'https://accounts\.google\.com'.*Microsoft Entra"):
        check_service(ServiceSpec(authentication=Authentication(issuer="https://accounts.google.com", audience="a")))


@pytest.mark.parametrize("reference", ["https://vault.example.org/secrets/a", "has_underscore", ""])
def test_a_secret_that_is_not_a_name_in_the_stacks_vault_is_refused(reference: str) -> None:
    with pytest.raises(UnsupportedError, match=r"service\.secrets\.API_KEY.*stack's Key Vault"):
        check_service(ServiceSpec(secrets={"API_KEY": reference}))
