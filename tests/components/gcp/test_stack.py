from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from components.gcp.settings import Settings
from components.spec import SpecError
from stacks.config import ConfigError
from tests.components.contract import CANDIDATE, STABLE, TRACKING_URL
from tests.components.harness import UNKNOWN, Run

Stack = Callable[..., Run]


def test_nothing_leaves_the_network_but_tls_to_google_and_what_a_tracking_store_needs(stack: Stack) -> None:
    run = stack("dev")
    rules = {rule.name: rule.inputs for rule in run.of("Firewall")}
    assert set(rules) == {"network-allow-google-apis", "network-deny-egress", "tracking-allow"}
    assert {rule["direction"] for rule in rules.values()} == {"EGRESS"}
    allow, deny = rules["network-allow-google-apis"], rules["network-deny-egress"]
    assert allow["destinationRanges"] == ["199.36.153.8/30"]
    assert allow["allows"] == [{"protocol": "tcp", "ports": ["443"]}]
    assert (deny["destinationRanges"], deny["denies"]) == (["0.0.0.0/0"], [{"protocol": "all"}])
    assert allow["priority"] < deny["priority"]
    assert run.one("compute/network:Network").inputs["deleteDefaultRoutesOnCreate"] is True
    assert run.one("compute/network:Network").inputs["autoCreateSubnetworks"] is False
    assert run.one("compute/route:Route").inputs["destRange"] == "199.36.153.8/30"


def test_googles_names_lead_to_the_addresses_that_the_firewall_allows(stack: Stack) -> None:
    run = stack("dev")
    allowed = ipaddress.IPv4Network("199.36.153.8/30")
    records = {record.inputs["name"]: record.inputs["rrdatas"] for record in run.of("RecordSet")}
    assert set(records) == {"googleapis.com.", "*.googleapis.com.", "run.app.", "*.run.app."}
    assert all(ipaddress.IPv4Address(address) in allowed for found in records.values() for address in found)
    assert {zone.inputs["visibility"] for zone in run.of("ManagedZone")} == {"private"}


def test_subnets_lie_in_the_range_and_apart_and_log_their_flows_in_production_alone(stack: Stack) -> None:
    dev, prod = stack("dev"), stack("prod")
    for run, cidr in ((dev, "10.30.0.0/20"), (prod, "10.40.0.0/20")):
        ranges = [ipaddress.IPv4Network(subnet.inputs["ipCidrRange"]) for subnet in run.of("Subnetwork")]
        assert all(found.subnet_of(ipaddress.IPv4Network(cidr)) and found.prefixlen <= 26 for found in ranges)
        assert not ranges[0].overlaps(ranges[1])
        assert all(subnet.inputs["privateIpGoogleAccess"] for subnet in run.of("Subnetwork"))
    assert not [subnet for subnet in dev.of("Subnetwork") if "logConfig" in subnet.inputs]
    assert all(subnet.inputs["logConfig"]["flowSampling"] == 0.5 for subnet in prod.of("Subnetwork"))


def test_a_subnet_of_another_range_has_another_name_so_that_it_can_stand_beside_the_old_one(stack: Stack) -> None:
    old, new = stack("dev"), stack("dev", network={"cidr": "10.50.0.0/20"})
    for subnet in old.of("Subnetwork"):
        assert new.one("Subnetwork", subnet.name).inputs["name"] != subnet.inputs["name"]


def test_production_has_its_own_key_before_data_is_written_and_a_dev_stack_has_none(stack: Stack) -> None:
    run = stack("prod")
    key = "encryption-id"
    assert all(bucket.inputs["encryption"] == {"defaultKmsKeyName": key} for bucket in run.of("storage/bucket:Bucket"))
    assert run.one("artifactregistry/repository:Repository").inputs["kmsKeyName"] == key
    assert run.one("CryptoKey").inputs["rotationPeriod"] == "7776000s"
    grants = {grant.urn: grant.inputs["member"] for grant in run.of("CryptoKeyIAMMember")}
    assert sorted(grants.values()) == [
        "serviceAccount:service-1@artifactregistry.googleapis.com",
        "serviceAccount:service-1@gs-project-accounts.mlplatform-prod",
        "serviceAccount:service-1@sqladmin.googleapis.com",
    ]
    for holder in (*run.of("storage/bucket:Bucket"), run.one("artifactregistry/repository:Repository")):
        assert set(grants) <= set(holder.dependencies)
    stack("dev").none("CryptoKey")


def test_production_cannot_be_deleted_by_accident(stack: Stack) -> None:
    for tier, protected in (("dev", False), ("prod", True)):
        run = stack(tier)
        assert run.one("cloudrunv2/service:Service").inputs["deletionProtection"] is protected
        assert run.one("cloudrunv2/job:Job").inputs["deletionProtection"] is protected


def test_a_dev_stack_scales_to_zero_and_production_keeps_two(stack: Stack) -> None:
    assert stack("dev").one("cloudrunv2/service:Service").inputs["scaling"]["minInstanceCount"] == 0
    assert stack("prod").one("cloudrunv2/service:Service").inputs["scaling"]["minInstanceCount"] == 2


def test_a_dev_stack_copies_the_side_car_into_its_registry_and_runs_the_copy_by_digest(stack: Stack) -> None:
    run = stack("dev")
    copy = run.one("docker-build:index:Image", "registry-agent").inputs
    assert copy["buildArgs"]["SOURCE"].endswith("/cloud-run-gmp-sidecar:1.9.2")
    (name,) = copy["exports"][0]["registry"]["names"]
    agent = run.one("cloudrunv2/service:Service").inputs["template"]["containers"][1]
    assert agent["image"] == f"{name}@sha256:{'d' * 64}"


def test_production_refuses_a_side_car_by_version(stack: Stack) -> None:
    with pytest.raises(SpecError, match=r"gcp\.agentImage is '.*:1\.9\.2': production runs images by digest alone"):
        stack("prod", gcp={"agentImage": "registry.test/agent:1.9.2"})


def test_tags_in_the_registry_never_move_and_old_images_go(stack: Stack) -> None:
    repository = stack("dev").one("artifactregistry/repository:Repository").inputs
    assert repository["dockerConfig"] == {"immutableTags": True}
    assert repository["vulnerabilityScanningConfig"] == {"enablementConfig": "INHERITED"}
    policies = {policy["id"]: policy for policy in repository["cleanupPolicies"]}
    assert policies["keep-newest"]["mostRecentVersions"] == {"keepCount": 50}
    assert policies["delete-untagged"]["condition"]["tagState"] == "UNTAGGED"


def test_artifacts_are_versioned_private_and_recoverable(stack: Stack) -> None:
    buckets = [bucket.inputs for bucket in stack("prod").of("storage/bucket:Bucket")]
    assert len({bucket["name"] for bucket in buckets}) == 2
    for bucket in buckets:
        assert bucket["uniformBucketLevelAccess"] is True
        assert bucket["publicAccessPrevention"] == "enforced"
        assert bucket["versioning"] == {"enabled": True}
        assert bucket["softDeletePolicy"] == {"retentionDurationSeconds": 30 * 24 * 3600}
        assert bucket["forceDestroy"] is False


def test_training_runs_on_demand_and_in_production_on_a_schedule(stack: Stack) -> None:
    stack("dev").none("cloudscheduler/job:Job")
    run = stack("prod")
    job, schedule = run.one("cloudrunv2/job:Job"), run.one("cloudscheduler/job:Job")
    assert schedule.inputs["schedule"] == "0 3 * * 1"
    target = schedule.inputs["httpTarget"]
    name = job.inputs["name"]
    assert target["uri"] == (
        f"https://run.googleapis.com/v2/projects/mlplatform-prod/locations/europe-west1/jobs/{name}:run"
    )
    starter = run.one("serviceaccount/account:Account", "starter").inputs["accountId"]
    assert target["oauthToken"]["serviceAccountEmail"].startswith(starter)
    allowed = run.one("JobIamMember")
    assert (allowed.inputs["name"], allowed.inputs["role"]) == (name, "roles/run.invoker")
    assert allowed.urn in schedule.dependencies


def test_the_job_writes_to_the_bucket_under_its_own_identity(stack: Stack) -> None:
    run = stack("prod")
    bucket = run.one("storage/bucket:Bucket", "training")
    task = run.one("cloudrunv2/job:Job").inputs["template"]["template"]
    (container,) = task["containers"]
    assert container["args"] == ["retrain", "--promote", "--unchanged-ok"]
    assert container["envs"] == [
        {"name": "ARTIFACTS_URL", "value": f"gs://{bucket.inputs['name']}"},
        {"name": "MLFLOW_TRACKING_URI", "value": TRACKING_URL},
    ]
    writer = run.one("BucketIAMMember", "training")
    assert writer.inputs["member"] == f"serviceAccount:{task['serviceAccount']}"
    assert writer.urn in run.one("cloudrunv2/job:Job").dependencies


def test_the_job_is_given_variables_and_reads_exactly_its_secrets(stack: Stack) -> None:
    run = stack("dev", training={"env": {"SOURCE": "sales"}, "secrets": {"DB_PASSWORD": "sales-reader/versions/2"}})
    job = run.one("cloudrunv2/job:Job")
    task = job.inputs["template"]["template"]
    (container,) = task["containers"]
    variables = {entry["name"]: entry for entry in container["envs"]}
    assert variables["SOURCE"]["value"] == "sales"
    secret = "projects/mlplatform-dev/secrets/sales-reader"
    assert variables["DB_PASSWORD"] == {
        "name": "DB_PASSWORD",
        "valueSource": {"secretKeyRef": {"secret": secret, "version": "2"}},
    }
    (reader,) = [r for r in run.of("SecretIamMember") if r.name.startswith("training-")]
    assert reader.inputs["secretId"] == secret
    assert reader.inputs["member"] == f"serviceAccount:{task['serviceAccount']}"
    assert reader.urn in job.dependencies
    with pytest.raises(SpecError, match=r"training\.secrets\.KEY is 'https://vault/x': not a secret"):
        stack("dev", training={"secrets": {"KEY": "https://vault/x"}})


def test_nobody_may_call_until_callers_are_listed_and_it_is_said_aloud(stack: Stack) -> None:
    run = stack("prod")
    run.none("ServiceIamMember")
    assert [message for message in run.messages if "gcp.invokers is empty" in message]


def test_the_stack_exports_which_revision_each_release_runs_as(stack: Stack) -> None:
    assert list(stack("prod").outputs["revisions"]) == [stack("prod").outputs["release"]]
    assert stack("prod", preview=True).outputs["revisions"] is UNKNOWN


def test_production_rolls_back_to_the_very_revision_that_served_under_other_settings(stack: Stack) -> None:
    first = stack("prod").outputs["revisions"]
    canary = stack(
        "prod",
        previous={"revisions": first},
        candidate=CANDIDATE,
        candidateWeight="5",
        service={"memoryMb": 4096},
    ).outputs["revisions"]
    promoted = stack("prod", previous={"revisions": canary}, stable=CANDIDATE, service={"memoryMb": 4096}).outputs[
        "revisions"
    ]
    rolled_back = stack(
        "prod",
        previous={"revisions": promoted},
        stable=STABLE,
        candidate=CANDIDATE,
        candidateWeight="0",
        service={"memoryMb": 4096},
    )
    (name,) = first.values()
    to_stable, to_candidate = rolled_back.one("cloudrunv2/service:Service").inputs["traffics"]
    assert (to_stable["revision"], to_stable["percent"]) == (name, 100)
    assert to_candidate["revision"] == rolled_back.one("cloudrunv2/service:Service").inputs["template"]["revision"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"project": ""}, r"gcp\.project is '': not a project id; copy it from"),
        ({"region": "Frankfurt"}, r"gcp\.region is 'Frankfurt': not a region; write e\.g\. europe-west1"),
        ({"agent_image": "agent:latest"}, r"gcp\.agentImage is 'agent:latest': neither a digest nor an exact version"),
        ({"invokers": ("allUsers",)}, r"gcp\.invokers has 'allUsers': not an IAM member"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        replace(Settings(project="some-project"), **settings)


def test_a_wrong_setting_in_the_stacks_file_is_an_error_of_the_configuration(stack: Stack) -> None:
    with pytest.raises(ConfigError, match=r"gcp\.zone is not a setting"):
        stack("dev", gcp={"zone": "europe-west1-b"})
