"""What the stand-in answers: complete, in the clouds' forms, and the same for the same resource."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from components.spec import Cloud, Tier
from engine.standin import outputs, sdk_types
from tests.components.contract import stacks
from tests.engine.standin.asked import asked

SEED, OTHER = "0" * 32, "1" * 32
GROUP = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/group"


def answered(token: str, inputs: dict[str, Any], seed: str = SEED, **configuration: str) -> dict[str, Any]:
    """The outputs of a resource called ``thing``."""
    package = token.partition(":")[0]
    return outputs.computed(package, token, f"urn:pulumi:s::p::{token}::thing", "thing", inputs, seed, configuration)


@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
@pytest.mark.parametrize(("cloud", "tier"), stacks())
def test_every_resource_of_a_stack_has_all_its_outputs_and_an_id_of_its_own(
    cloud: Cloud, tier: Tier, preview: bool
) -> None:
    ids: set[tuple[str, str]] = set()
    resources = asked(cloud, tier, preview)
    for resource, inputs in resources:
        package = resource.type.partition(":")[0]
        found = outputs.computed(package, resource.type, resource.urn, resource.name, inputs, SEED)
        required = {key for key, declared in sdk_types.outputs(resource.type).items() if declared.required}
        assert required - {"urn"} <= found.keys(), resource.urn
        made_from_unknown = [text for text in re.findall(r'"([^"]*)"', json.dumps(found)) if UNKNOWN in text]
        assert all(text == UNKNOWN for text in made_from_unknown), resource.urn
        ids.add((resource.type, resource.urn if preview else found["id"]))
    assert len(ids) == len(resources)


def test_the_same_resource_has_the_same_addresses_and_its_successor_others() -> None:
    vpc = answered("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"})
    assert vpc == answered("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"})
    assert vpc["id"] != answered("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, OTHER)["id"]
    assert re.fullmatch(r"vpc-[0-9a-f]{17}", vpc["id"])
    assert vpc["arn"].endswith(f":vpc/{vpc['id']}")
    assert vpc["defaultSecurityGroupId"] != vpc["id"].replace("vpc", "sg")


def test_the_region_is_the_providers_or_the_resources_own() -> None:
    assert ":eu-north-1:" in answered("aws:ec2/vpc:Vpc", {}, region="eu-north-1")["arn"]
    assert ":us-east-1:" in answered("aws:ec2/vpc:Vpc", {"region": "us-east-1"})["arn"]


def test_each_registration_of_a_task_definition_is_another_revision() -> None:
    definition = {"family": "serving", "containerDefinitions": "[]"}
    first, second = (answered("aws:ecs/taskDefinition:TaskDefinition", definition, seed) for seed in (SEED, OTHER))
    assert first["arn"] == f"{first['arnWithoutRevision']}:{first['revision']}" == first["id"]
    assert first["revision"] != second["revision"]


def app(**ingress: Any) -> dict[str, Any]:
    """What a container app is asked to be."""
    return {
        "resourceGroupName": "group",
        "containerAppName": "serving",
        "managedEnvironmentId": f"{GROUP}/providers/Microsoft.App/managedEnvironments/compute",
        "identity": {"type": "UserAssigned", "userAssignedIdentities": ["/one"]},
        "configuration": {"ingress": ingress, "secrets": [{"name": "hook", "value": "do not tell"}]},
        "template": {"revisionSuffix": "r1"},
    }


def test_a_container_app_is_reached_below_the_domain_of_its_environment() -> None:
    environment = answered(
        "azure-native:app:ManagedEnvironment", {"resourceGroupName": "group", "environmentName": "compute"}
    )
    found = answered("azure-native:app:ContainerApp", app(external=True))
    assert found["id"] == f"{GROUP}/providers/Microsoft.App/containerApps/serving"
    assert found["type"] == "Microsoft.App/containerApps"
    assert found["configuration"]["ingress"]["fqdn"] == f"serving.{environment['defaultDomain']}"
    assert found["latestRevisionName"] == "serving--r1"
    assert found["latestRevisionFqdn"] == f"serving--r1.{environment['defaultDomain']}"
    assert ".internal." in answered("azure-native:app:ContainerApp", app(external=False))["latestRevisionFqdn"]


def test_azure_answers_identities_as_a_mapping_and_secrets_without_their_values() -> None:
    found = answered("azure-native:app:ContainerApp", app(external=True))
    assert list(found["identity"]["userAssignedIdentities"]) == ["/one"]
    assert found["configuration"]["secrets"] == [{"name": "hook"}]


def test_an_image_has_the_digest_of_what_its_build_is_told() -> None:
    def image(version: str) -> dict[str, Any]:
        exports = [{"registry": {"names": ["registry.test/serving"], "push": True}}]
        return answered(
            "docker-build:index:Image", {"push": False, "exports": exports, "buildArgs": {"MODEL_VERSION": version}}
        )

    assert re.fullmatch(r"sha256:[0-9a-f]{64}", image("1")["digest"])
    assert image("1")["ref"] == f"registry.test/serving@{image('1')['digest']}"
    assert image("1")["digest"] != image("2")["digest"]
    assert image(UNKNOWN)["digest"] == UNKNOWN == image(UNKNOWN)["ref"]


def test_rds_makes_a_secret_only_where_it_manages_the_password() -> None:
    asked = {"identifier": "books", "port": 5432, "manageMasterUserPassword": True, "masterUserSecretKmsKeyId": "key"}
    found = answered("aws:rds/instance:Instance", asked)
    (secret,) = found["masterUserSecrets"]
    assert re.fullmatch(
        r"arn:aws:secretsmanager:eu-west-1:\d{12}:secret:rds!db-[0-9a-f-]{36}-\w{6}", secret["secretArn"]
    )
    assert secret["kmsKeyId"] == "key"
    assert re.fullmatch(r"books\.\w{12}\.eu-west-1\.rds\.amazonaws\.com:5432", found["endpoint"])
    assert answered("aws:rds/instance:Instance", {"identifier": "books"})["masterUserSecrets"] == []


def test_a_tag_of_cloud_run_has_an_address_of_its_own() -> None:
    service = {
        "name": "serving",
        "project": "mine",
        "location": "europe-west1",
        "template": {"revision": "serving-r1"},
        "traffics": [{"type": "T", "percent": 100, "tag": "stable"}],
    }
    found = answered("gcp:cloudrunv2/service:Service", service)
    assert re.fullmatch(r"https://serving-\w{10}-ew\.a\.run\.app", found["uri"])
    assert found["trafficStatuses"][0]["uri"] == found["uri"].replace("https://", "https://stable---")
    assert found["id"] == "projects/mine/locations/europe-west1/services/serving"
    assert found["latestReadyRevision"].endswith("/revisions/serving-r1")


@pytest.mark.parametrize(
    ("token", "property_"),
    [
        ("aws:lb/loadBalancer:LoadBalancer", "name"),
        ("aws:s3/bucket:Bucket", "bucket"),
        ("aws:ec2/vpc:Vpc", None),
        ("azure-native:app:ContainerApp", "containerAppName"),
        ("gcp:compute/network:Network", "name"),
        ("gcp:secretmanager/secret:Secret", None),
        ("gcp:cloudrunv2/jobIamMember:JobIamMember", None),
        ("docker:index/network:Network", "name"),
    ],
)
def test_a_provider_names_what_the_program_does_not(token: str, property_: str | None) -> None:
    assert outputs.autoname(token) == property_


def test_the_storage_agent_of_a_project_is_known() -> None:
    token = "gcp:storage/getProjectServiceAccount:getProjectServiceAccount"
    found = outputs.answer("gcp", token, {"project": "mine"})
    assert found["member"] == f"serviceAccount:{found['emailAddress']}"


@pytest.mark.parametrize("package", ["aws", "azure-native", "gcp", "docker"])
def test_a_function_that_no_program_calls_is_refused_by_name(package: str) -> None:
    with pytest.raises(LookupError, match="index:getAnything"):
        outputs.answer(package, f"{package}:index:getAnything", {})


def test_a_package_without_a_stand_in_is_refused_by_name() -> None:
    with pytest.raises(LookupError, match="'cloudflare'"):
        outputs.answer("cloudflare", "cloudflare:index:getZone", {})
