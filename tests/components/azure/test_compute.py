"""The service as Container Apps is asked for it, and what makes a new revision."""

from __future__ import annotations

import json
from typing import Any

from components import spec
from components.release import release_id
from tests.components.azure.conftest import Stack
from tests.components.contract import CANDIDATE, STABLE
from tests.components.harness import UNKNOWN, Run

STABLE_ID = release_id(STABLE["modelVersion"], STABLE["image"], STABLE["commit"])
CANDIDATE_ID = release_id(CANDIDATE["modelVersion"], CANDIDATE["image"], CANDIDATE["commit"])


def app(run: Run) -> dict[str, Any]:
    return run.one("app:ContainerApp").inputs


def suffix(run: Run) -> str:
    return app(run)["template"]["revisionSuffix"]


def traffic(run: Run) -> list[dict[str, Any]]:
    return app(run)["configuration"]["ingress"]["traffic"]


def container(run: Run, name: str) -> dict[str, Any]:
    return next(found for found in app(run)["template"]["containers"] if found["name"] == name)


def test_the_dev_stack_is_one_small_container_in_west_europe(stack: Stack) -> None:
    run = stack("dev")
    assert run.one("resources:ResourceGroup").inputs["location"] == "westeurope"
    assert app(run)["configuration"]["ingress"]["targetPort"] == 8000
    assert container(run, "service")["resources"] == {"cpu": 1, "memory": "2Gi"}
    assert app(run)["template"]["scale"]["minReplicas"] == 0


def test_service_and_agent_together_have_a_size_that_container_apps_offers(stack: Stack) -> None:
    resources = [found["resources"] for found in app(stack("prod"))["template"]["containers"]]
    cpu = sum(found["cpu"] for found in resources)
    memory = sum(float(found["memory"].removesuffix("Gi")) for found in resources)
    assert memory == 2 * cpu


def test_http_is_redirected_and_the_ingress_knows_one_port(stack: Stack) -> None:
    ingress = app(stack("prod"))["configuration"]["ingress"]
    assert ingress["allowInsecure"] is False
    assert "additionalPortMappings" not in ingress


def test_a_replica_may_take_its_time_to_start_and_to_stop(stack: Stack) -> None:
    run = stack("prod")
    probes = {probe["type"]: probe for probe in container(run, "service")["probes"]}
    startup = probes["Startup"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= spec.STARTUP_SECONDS
    # The API takes no more.
    assert all(probe["failureThreshold"] <= 10 for probe in probes.values())
    grace = app(run)["template"]["terminationGracePeriodSeconds"]
    assert grace > spec.DRAIN_SECONDS + spec.SHUTDOWN_SECONDS


def test_replicas_follow_requests_and_cpu_but_cpu_alone_never_keeps_one(stack: Stack) -> None:
    prod = app(stack("prod"))["template"]["scale"]
    assert [rule["name"] for rule in prod["rules"]] == ["requests", "cpu"]
    assert prod["rules"][0]["http"]["metadata"] == {"concurrentRequests": "32"}
    assert prod["rules"][1]["custom"] == {"type": "cpu", "metadata": {"type": "Utilization", "value": "70"}}
    assert [rule["name"] for rule in app(stack("dev"))["template"]["scale"]["rules"]] == ["requests"]


def test_production_spans_zones(stack: Stack) -> None:
    assert stack("prod").one("app:ManagedEnvironment").inputs["zoneRedundant"] is True
    assert stack("dev").one("app:ManagedEnvironment").inputs["zoneRedundant"] is False


def test_the_agent_signs_as_the_replicas_identity_and_tells_replicas_and_releases_apart(stack: Stack) -> None:
    run = stack("prod")
    agent = container(run, "agent")
    file = next(found for found in app(run)["configuration"]["secrets"] if found["name"] == "agent-configuration")
    written = json.loads(file["value"])
    assert written["global"]["external_labels"] == {
        "release": "${RELEASE}",
        "replica": "${CONTAINER_APP_REPLICA_NAME}",
    }
    assert written["remote_write"][0]["azuread"] == {
        "cloud": "AzurePublic",
        "managed_identity": {"client_id": "compute-client_id"},
    }
    assert written["scrape_configs"][0]["static_configs"] == [{"targets": [f"localhost:{spec.METRICS_PORT}"]}]
    assert {"name": "RELEASE", "value": STABLE_ID} in agent["env"]
    assert "--config.file=/etc/agent/agent-configuration" in agent["args"]
    assert {"volumeName": "configuration", "mountPath": "/etc/agent"} in agent["volumeMounts"]
    assert "probes" not in agent


def test_secrets_are_references_into_the_stacks_vault(stack: Stack) -> None:
    run = stack("dev", service={"secrets": {"API_KEY": "upstream-key"}})
    vault = run.one("keyvault:Vault").inputs["vaultName"]
    assert {
        "name": "variable-api-key-value",
        "keyVaultUrl": f"https://{vault}.vault.azure.net/secrets/upstream-key",
        "identity": "compute-platform-id",
    } in app(run)["configuration"]["secrets"]
    env = container(run, "service")["env"]
    assert {"name": "API_KEY", "secretRef": "variable-api-key-value"} in env


def test_callers_of_a_public_production_service_bring_a_token(stack: Stack) -> None:
    issuer = "https://login.microsoftonline.com/tenant/v2.0"
    authentication = {"issuer": issuer, "audience": "api://predict"}
    run = stack("prod", service={"ingress": "public", "authentication": authentication})
    check = run.one("app:ContainerAppsAuthConfig").inputs
    assert check["authConfigName"] == "current"
    assert check["globalValidation"] == {
        "unauthenticatedClientAction": "Return401",
        "excludedPaths": [spec.READY_PATH, spec.LIVE_PATH],
    }
    provider = check["identityProviders"]["azureActiveDirectory"]
    assert provider["registration"] == {"openIdIssuer": issuer, "clientId": "predict"}
    assert provider["validation"] == {"allowedAudiences": ["api://predict"]}
    assert not [message for message in run.messages if "public without authentication" in message]
    stack("prod").none("app:ContainerAppsAuthConfig")


def test_what_cannot_stand_twice_under_its_name_is_deleted_before_it_is_replaced(stack: Stack) -> None:
    run = stack("dev")
    for kind in ("app:ManagedEnvironment", "app:ContainerApp", "app:Job", "authorization:RoleAssignment"):
        assert all(found.delete_before_replace for found in run.of(kind)), kind


def test_traffic_waits_for_a_new_stable_revision_to_be_ready(stack: Stack) -> None:
    assert traffic(stack("prod")) == [{"latestRevision": True, "label": "stable", "weight": 100}]


def test_a_candidate_is_the_newest_revision_beside_the_stable_one_by_its_name(stack: Stack) -> None:
    alone, beside = stack("prod"), stack("prod", variant="candidate")
    name = app(alone)["containerAppName"]
    assert traffic(beside) == [
        {"revisionName": f"{name}--{suffix(alone)}", "label": "stable", "weight": 95},
        {"latestRevision": True, "label": "candidate", "weight": 5},
    ]
    assert container(beside, "service")["image"] == CANDIDATE["image"]
    domain = "green.westeurope.azurecontainerapps.io"
    assert beside.outputs["stableUrl"] == f"https://{name}--{suffix(alone)}.{domain}"
    assert beside.outputs["candidateUrl"] == f"https://{name}--{suffix(beside)}.{domain}"


def test_weights_and_promotion_make_no_new_revision(stack: Stack) -> None:
    five = stack("prod", variant="candidate")
    half = stack("prod", variant="candidate", candidateWeight="50")
    promoted = stack("prod", stable=CANDIDATE)
    assert app(five)["template"] == app(half)["template"] == app(promoted)["template"]


def test_changed_settings_make_a_new_revision_under_a_new_name(stack: Stack) -> None:
    small, large = stack("prod"), stack("prod", service={"maxReplicas": 20})
    assert suffix(small) != suffix(large)


def test_settings_may_change_with_the_candidate_since_the_stable_revision_is_remembered(stack: Stack) -> None:
    before = stack("prod")
    after = stack("prod", variant="candidate", previous=before.outputs, service={"maxReplicas": 20})
    assert traffic(after)[0]["revisionName"].endswith(f"--{suffix(before)}")


def test_production_can_go_back_behind_a_promotion_that_changed_settings(stack: Stack) -> None:
    first = stack("prod")
    second = stack("prod", previous=first.outputs, stable=CANDIDATE, service={"maxReplicas": 20})
    back = stack(
        "prod",
        previous=second.outputs,
        stable=STABLE,
        candidate=CANDIDATE,
        candidateWeight="0",
        service={"maxReplicas": 20},
    )
    assert app(back)["template"] == app(second)["template"]
    assert traffic(back)[0]["revisionName"].endswith(f"--{suffix(first)}")
    assert traffic(back)[0]["weight"] == 100


def test_the_stack_tells_which_revision_each_release_runs_as(stack: Stack) -> None:
    run = stack("prod", variant="candidate", previous={"revisions": {"an-older-release": "rolder"}})
    assert run.outputs["revisions"] == {
        "an-older-release": "rolder",
        STABLE_ID: traffic(run)[0]["revisionName"].rpartition("--")[2],
        CANDIDATE_ID: suffix(run),
    }


def test_a_first_preview_knows_everything_of_the_revision_but_its_name(stack: Stack) -> None:
    run = stack("prod", preview=True)
    assert suffix(run) is UNKNOWN
    assert container(run, "service")["image"] == STABLE["image"]
    assert traffic(run) == [{"latestRevision": True, "label": "stable", "weight": 100}]
