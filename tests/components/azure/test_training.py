"""Training as a job."""

from __future__ import annotations

from tests.components.azure.conftest import Stack
from tests.components.azure.fakes import excessive_rights
from tests.components.contract import TRACKING_URL, TRAINING_IMAGE


def test_production_trains_on_its_schedule(stack: Stack) -> None:
    job = stack("prod").one("app:Job").inputs["configuration"]
    assert job["triggerType"] == "Schedule"
    assert job["scheduleTriggerConfig"] == {
        "cronExpression": "0 3 * * 1",
        "parallelism": 1,
        "replicaCompletionCount": 1,
    }
    assert "manualTriggerConfig" not in job
    assert job["replicaTimeout"] == 3600


def test_without_a_schedule_training_starts_by_hand(stack: Stack) -> None:
    job = stack("dev").one("app:Job").inputs["configuration"]
    assert job["triggerType"] == "Manual"
    assert "scheduleTriggerConfig" not in job


def test_the_job_runs_beside_the_service_and_knows_where_to_write(stack: Stack) -> None:
    run = stack("prod")
    job = run.one("app:Job").inputs
    assert job["environmentId"] == "compute-id"
    (container,) = job["template"]["containers"]
    assert container["image"] == TRAINING_IMAGE
    assert container["args"] == ["retrain", "--promote", "--unchanged-ok"]
    assert container["resources"] == {"cpu": 2, "memory": "4Gi"}
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    account = run.one("storage:StorageAccount", "artifacts").inputs["accountName"]
    assert env == {
        "ARTIFACTS_URL": f"https://{account}.blob.core.windows.net/artifacts",
        "AZURE_CLIENT_ID": "training-client_id",
        "MLFLOW_TRACKING_URI": TRACKING_URL,
    }
    assert run.outputs["artifacts"] == env["ARTIFACTS_URL"]
    assert run.outputs["trainingJob"] == "training-id"


def test_the_job_is_given_variables_and_secrets_of_the_vault_that_the_platform_reads(stack: Stack) -> None:
    run = stack("dev", training={"env": {"SOURCE": "sales"}, "secrets": {"DB_PASSWORD": "sales-reader"}})
    job = run.one("app:Job").inputs
    vault = run.one("keyvault:Vault").inputs["vaultName"]
    assert job["configuration"]["secrets"] == [
        {
            "name": "variable-db-password-value",
            "keyVaultUrl": f"https://{vault}.vault.azure.net/secrets/sales-reader",
            "identity": "training-platform-id",
        }
    ]
    (container,) = job["template"]["containers"]
    assert {"name": "SOURCE", "value": "sales"} in container["env"]
    assert {"name": "DB_PASSWORD", "secretRef": "variable-db-password-value"} in container["env"]
    assert not excessive_rights(run)
    grant = run.one("authorization:RoleAssignment", "training-secrets")
    assert grant.inputs["principalId"] == "training-platform-principal_id"
    assert grant.urn in run.one("app:Job").dependencies
    bare = stack("dev")
    assert "secrets" not in bare.one("app:Job").inputs["configuration"]
    assert not [r.urn for r in bare.of("authorization:RoleAssignment") if r.name == "training-secrets"]


def test_a_stack_without_training_has_neither_job_nor_artifacts(stack: Stack) -> None:
    run = stack("dev", variant="bare")
    run.none("app:Job")
    run.none("storage:StorageAccount")
    assert run.outputs.get("trainingJob") is None
