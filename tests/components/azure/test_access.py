"""Who may do what, and in which order rights and resources come to be."""

from __future__ import annotations

from typing import Any

import pytest

from components.azure.access import Role
from components.spec import Tier
from tests.components.azure.conftest import Stack
from tests.components.harness import UNKNOWN, Run


def roles(run: Run) -> dict[str, tuple[str, str, str]]:
    """Name of the assignment → (role, principal, scope)."""
    return {
        found.name: (
            Role(found.inputs["roleDefinitionId"].rpartition("/")[2]).name,
            found.inputs["principalId"],
            found.inputs["scope"],
        )
        for found in run.of("authorization:RoleAssignment")
    }


def test_each_identity_has_exactly_the_roles_it_needs_on_exactly_the_resource(stack: Stack) -> None:
    assert roles(stack("prod")) == {
        "compute-pull": ("ACR_PULL", "compute-platform-principal_id", "registry-id"),
        "compute-secrets": ("KEY_VAULT_SECRETS_USER", "compute-platform-principal_id", "compute-vault-id"),
        "compute-metrics": ("MONITORING_METRICS_PUBLISHER", "compute-principal_id", "telemetry-id"),
        "training-pull": ("ACR_PULL", "training-platform-principal_id", "registry-id"),
        "training-artifacts": ("STORAGE_BLOB_DATA_CONTRIBUTOR", "training-principal_id", "training-artifacts-id"),
        "tracking-files": ("STORAGE_BLOB_DATA_CONTRIBUTOR", "tracking-principal_id", "tracking-files-id"),
    }


def test_metrics_are_published_on_the_collection_rule_and_artifacts_written_in_the_container(stack: Stack) -> None:
    run = stack("dev")
    rule, container = run.one("monitor:DataCollectionRule"), run.one("storage:BlobContainer", "training-artifacts")
    metrics = run.one("authorization:RoleAssignment", "compute-metrics")
    artifacts = run.one("authorization:RoleAssignment", "training-artifacts")
    assert rule.urn in metrics.dependencies
    assert container.urn in artifacts.dependencies


@pytest.mark.parametrize("tier", ["dev", "prod"])
def test_the_service_waits_for_its_rights_and_for_what_it_reads(stack: Stack, tier: Tier) -> None:
    run = stack(tier)
    app = run.one("app:ContainerApp")
    for name in ("compute-pull", "compute-secrets", "compute-metrics"):
        assert run.one("authorization:RoleAssignment", name).urn in app.dependencies
    reached = "network:PrivateDnsZoneGroup" if tier == "prod" else "containerregistry:Registry"
    assert run.one(reached, "registry").urn in app.dependencies


@pytest.mark.parametrize("tier", ["dev", "prod"])
def test_the_training_job_waits_for_its_rights(stack: Stack, tier: Tier) -> None:
    run = stack(tier)
    job = run.one("app:Job")
    for name in ("training-pull", "training-artifacts"):
        assert run.one("authorization:RoleAssignment", name).urn in job.dependencies


def lifecycles(inputs: dict[str, Any]) -> dict[str, str]:
    return {entry["identity"]: entry["lifecycle"] for entry in inputs["configuration"]["identitySettings"]}


def test_no_code_in_a_container_can_pull_images_or_read_other_secrets(stack: Stack) -> None:
    run = stack("prod")
    app, job = run.one("app:ContainerApp").inputs, run.one("app:Job").inputs
    assert lifecycles(app) == {"compute-platform-id": "None", "compute-id": "Main"}
    assert lifecycles(job) == {"training-platform-id": "None", "training-id": "Main"}
    assert app["configuration"]["registries"] == [
        {"server": "registry-login_server", "identity": "compute-platform-id"}
    ]
    assert job["configuration"]["registries"][0]["identity"] == "training-platform-id"


def test_an_assignment_has_the_same_name_in_every_run_and_another_in_every_stack(stack: Stack) -> None:
    def names(run: Run) -> set[str]:
        return {found.inputs["roleAssignmentName"] for found in run.of("authorization:RoleAssignment")}

    assert names(stack("dev")) == names(stack("dev"))
    assert len(names(stack("dev"))) == 6
    assert not names(stack("dev")) & names(stack("prod"))


def test_production_locks_what_holds_data_and_development_locks_nothing(stack: Stack) -> None:
    run = stack("prod")
    locked = {found.inputs["scope"] for found in run.of("authorization:ManagementLockByScope")}
    assert locked == {
        "registry-id",
        "compute-vault-id",
        "telemetry-logs-id",
        "telemetry-metrics-id",
        "training-artifacts-id",
        "tracking-files-id",
        "tracking-database-id",
        "network-flows-id",
    }
    assert {found.inputs["level"] for found in run.of("authorization:ManagementLockByScope")} == {"CanNotDelete"}
    stack("dev").none("authorization:ManagementLockByScope")


def test_a_preview_knows_the_roles_though_not_the_principals(stack: Stack) -> None:
    for found in stack("prod", preview=True).of("authorization:RoleAssignment"):
        assert found.inputs["principalId"] is UNKNOWN
        assert found.inputs["principalType"] == "ServicePrincipal"
