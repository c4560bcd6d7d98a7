from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from components.gcp.machines import check_tracking, edition
from components.spec import Environment, SpecError, UnsupportedError
from components.tracking import TrackingSpec
from tests.components.contract import stack_run
from tests.components.gcp.fakes import ATTACHMENT, TRACKING_ADDRESS
from tests.components.harness import UNKNOWN, Registered, Run

Stack = Callable[..., Run]


def instance(run: Run) -> Registered:
    """The database's server."""
    return run.one("sql/databaseInstance:DatabaseInstance")


def settings(run: Run) -> dict[str, Any]:
    """What the server is asked to be."""
    return instance(run).inputs["settings"]


def test_the_database_has_no_public_address_and_speaks_tls_alone(stack: Stack) -> None:
    found = settings(stack("dev"))["ipConfiguration"]
    assert found["ipv4Enabled"] is False
    assert "authorizedNetworks" not in found
    assert found["sslMode"] == "ENCRYPTED_ONLY"
    # verify-ca tells one server from another only where the authority signs for one server.
    assert found["serverCaMode"] == "GOOGLE_MANAGED_INTERNAL_CA"
    assert found["pscConfigs"] == [{"pscEnabled": True, "allowedConsumerProjects": ["mlplatform-dev"]}]


def test_one_address_of_the_stacks_own_leads_to_it(stack: Stack) -> None:
    run = stack("dev")
    address, rule = run.one("compute/address:Address"), run.one("compute/forwardingRule:ForwardingRule").inputs
    assert (address.inputs["addressType"], address.inputs["subnetwork"]) == ("INTERNAL", "network-serving-id")
    assert rule["target"] == ATTACHMENT
    assert (rule["network"], rule["ipAddress"]) == ("network-id", "tracking-id")
    assert rule["loadBalancingScheme"] == ""
    assert "allowPscGlobalAccess" not in rule


def test_the_firewall_lets_out_to_that_address_on_that_port_and_only_when_a_store_is_asked_for(stack: Stack) -> None:
    allowed = stack("dev").one("Firewall", "tracking").inputs
    assert allowed["direction"] == "EGRESS"
    assert allowed["destinationRanges"] == [f"{TRACKING_ADDRESS}/32"]
    assert allowed["allows"] == [{"protocol": "tcp", "ports": ["5432"]}]
    bare = stack_run("gcp", "dev", variant="bare")
    assert {rule.name for rule in bare.of("Firewall")} == {"network-allow-google-apis", "network-deny-egress"}


@pytest.mark.parametrize("tier", ["dev", "prod"])
def test_without_a_store_neither_its_apis_nor_its_right_to_the_key_are_there(tier: Any) -> None:
    bare = stack_run("gcp", tier, variant="bare")
    enabled = {service.inputs["service"] for service in bare.of("projects/service:Service")}
    assert not enabled & {"sqladmin.googleapis.com", "servicedirectory.googleapis.com"}
    assert not [r.urn for r in bare.resources if "sqladmin" in str(r.inputs)]


def test_with_a_store_its_apis_are_enabled_first(stack: Stack) -> None:
    run = stack("dev")
    apis = {service.inputs["service"]: service.urn for service in run.of("projects/service:Service")}
    needed = {apis["sqladmin.googleapis.com"], apis["servicedirectory.googleapis.com"]}
    store = run.one("TrackingStore")
    made = [r for r in run.resources if r.custom and store in run.ancestors(r)]
    assert len(made) >= 8
    assert not [r.urn for r in made if not needed <= set(r.dependencies)]


def test_production_encrypts_it_with_the_stacks_key_once_cloud_sql_may_use_it(stack: Stack) -> None:
    server = instance(stack("prod"))
    assert server.inputs["encryptionKeyName"] == "encryption-id"
    grant = stack("prod").one("CryptoKeyIAMMember", "database")
    assert grant.inputs["member"] == "serviceAccount:service-1@sqladmin.googleapis.com"
    assert grant.urn in server.dependencies
    assert "encryptionKeyName" not in instance(stack("dev")).inputs


def test_it_is_restored_to_any_second_of_the_days_asked_for(stack: Stack) -> None:
    backups = settings(stack("dev"))["backupConfiguration"]
    assert (backups["enabled"], backups["pointInTimeRecoveryEnabled"]) == (True, True)
    assert backups["transactionLogRetentionDays"] == 7
    # The logs of the oldest day need a backup that is older than they are.
    assert backups["backupRetentionSettings"] == {"retainedBackups": 8, "retentionUnit": "COUNT"}
    assert backups["location"] == "europe-west1"


def test_its_disk_begins_as_asked_for_and_grows(stack: Stack) -> None:
    found = settings(stack("dev", tracking={"storageGb": 64}))
    assert (found["diskSize"], found["diskAutoresize"]) == (64, True)
    assert "diskAutoresizeLimit" not in found


def test_production_has_a_standby_in_another_zone_and_development_the_smallest_machine(stack: Stack) -> None:
    dev, prod = settings(stack("dev")), settings(stack("prod"))
    assert (dev["availabilityType"], dev["tier"], dev["edition"]) == ("ZONAL", "db-f1-micro", "ENTERPRISE")
    assert (prod["availabilityType"], prod["tier"], prod["edition"]) == ("REGIONAL", "db-custom-1-3840", "ENTERPRISE")


def test_development_is_patched_before_production_and_both_in_the_night_to_sunday(stack: Stack) -> None:
    assert settings(stack("dev"))["maintenanceWindow"] == {"day": 7, "hour": 3, "updateTrack": "canary"}
    assert settings(stack("prod"))["maintenanceWindow"] == {"day": 7, "hour": 3, "updateTrack": "stable"}


@pytest.mark.parametrize(
    ("tier", "retiring", "guarded"), [("dev", "false", False), ("prod", "false", True), ("prod", "true", False)]
)
def test_the_cloud_itself_refuses_to_delete_productions_until_it_retires(
    stack: Stack, tier: Any, retiring: str, guarded: bool
) -> None:
    run = stack(tier, retiring=retiring)
    assert settings(run)["deletionProtectionEnabled"] is guarded
    assert instance(run).inputs["deletionProtection"] is guarded
    assert instance(run).protect


def test_what_is_deleted_all_the_same_leaves_a_last_backup(stack: Stack) -> None:
    assert settings(stack("dev"))["finalBackupConfig"] == {"enabled": True, "retentionDays": 7}
    assert settings(stack("prod"))["finalBackupConfig"] == {"enabled": True, "retentionDays": 30}


def test_what_stands_in_the_instance_goes_with_it_and_not_before(stack: Stack) -> None:
    run = stack("dev")
    for part in (run.one("sql/database:Database"), run.one("sql/user:User")):
        assert part.inputs["instance"] == instance(run).inputs["name"]
        assert part.inputs["deletionPolicy"] == "ABANDON"
    assert run.one("sql/database:Database").inputs["name"] == "mlflow"


def test_the_server_logs_in_as_the_account_and_nobody_has_a_password(stack: Stack) -> None:
    run = stack("prod")
    assert {"name": "cloudsql.iam_authentication", "value": "on"} in settings(run)["databaseFlags"]
    user = run.one("sql/user:User").inputs
    assert user["type"] == "CLOUD_IAM_SERVICE_ACCOUNT"
    assert f"{user['name']}.gserviceaccount.com" == run.outputs["trackingIdentity"]
    assert user["databaseRoles"] == ["cloudsqlsuperuser"]
    inputs = [str(r.inputs) for r in run.resources if r.type.startswith("gcp:sql/")]
    assert not [text for text in inputs if "password" in text.lower()]


def test_its_address_names_the_user_and_the_database_so_that_a_client_understands_it(stack: Stack) -> None:
    run = stack("prod")
    url = urlsplit(run.outputs["trackingDatabase"])
    assert unquote(url.username or "") == run.one("sql/user:User").inputs["name"]
    assert url.password is None
    assert ipaddress.ip_address(url.hostname or "") == ipaddress.ip_address(TRACKING_ADDRESS)
    assert (url.scheme, url.port, url.path, url.query) == ("postgresql", 5432, "/mlflow", "sslmode=verify-ca")


def test_the_identity_may_log_in_to_this_instance_and_open_its_own_bucket_and_nothing_else(stack: Stack) -> None:
    run = stack("prod")
    member = f"serviceAccount:{run.outputs['trackingIdentity']}"
    granted = {r.name: r.inputs for r in run.resources if r.inputs.get("member") == member}
    assert set(granted) == {"tracking-login", "tracking-writer"}
    login, writer = granted["tracking-login"], granted["tracking-writer"]
    assert login["role"] == "roles/cloudsql.instanceUser"
    name = instance(run).inputs["name"]
    assert login["condition"]["expression"] == (
        f"resource.name == 'projects/mlplatform-prod/instances/{name}' "
        "&& resource.type == 'sqladmin.googleapis.com/Instance'"
    )
    bucket = run.one("storage/bucket:Bucket", "tracking").inputs["name"]
    assert (writer["role"], writer["bucket"]) == ("roles/storage.objectUser", bucket)
    assert run.outputs["trackingFiles"] == f"gs://{bucket}/mlflow"
    assert len([r for r in run.of("BucketIAMMember") if r.inputs["bucket"] == bucket]) == 1


def test_its_logs_go_where_the_other_logs_go(stack: Stack) -> None:
    run = stack("prod")
    name = instance(run).inputs["name"]
    assert f'resource.labels.database_id="mlplatform-prod:{name}"' in run.one("ProjectSink").inputs["filter"]


def test_the_instance_says_whose_it_is(stack: Stack) -> None:
    assert settings(stack("prod"))["userLabels"]["environment"] == "prod"


def test_a_preview_knows_everything_but_what_only_google_can_say(stack: Stack) -> None:
    run = stack("prod", preview=True)
    assert settings(run) == settings(stack("prod"))
    assert run.one("sql/user:User").inputs["name"] is UNKNOWN
    assert run.outputs["trackingDatabase"] is UNKNOWN


def test_another_machine_is_used_with_its_edition(stack: Stack) -> None:
    found = settings(stack("prod", tracking={"machine": "db-perf-optimized-N-2", "backupDays": 35}))
    assert (found["tier"], found["edition"]) == ("db-perf-optimized-N-2", "ENTERPRISE_PLUS")
    assert found["backupConfiguration"]["transactionLogRetentionDays"] == 35


@pytest.mark.parametrize(
    "machine", ["db-f1-micro", "db-g1-small", "db-custom-1-3840", "db-custom-2-4096", "db-custom-4-26624"]
)
def test_the_sizes_of_the_edition_enterprise_are_taken(machine: str) -> None:
    environment = Environment(cloud="gcp", tier="dev", project="p", stack="gcp-dev")
    check_tracking(TrackingSpec(machine=machine), environment)
    assert edition(machine) == "ENTERPRISE"


@pytest.mark.parametrize("machine", ["db.t4g.micro", "Standard_B1ms", "db-n1-standard-1", "db-c4a-highmem-4"])
def test_a_size_that_cloud_sql_has_not_is_named_with_what_to_write(stack: Stack, machine: str) -> None:
    with pytest.raises(SpecError, match=rf"tracking\.machine is '{machine}': not a size .*; write db-custom-"):
        stack("dev", tracking={"machine": machine})


@pytest.mark.parametrize(
    "machine",
    [
        "db-custom-3-7680",
        "db-custom-1-3584",
        "db-custom-2-4000",
        "db-custom-1-7168",
        "db-custom-8-3840",
        "db-custom-98-98304",
    ],
)
def test_a_custom_size_keeps_the_rules(machine: str) -> None:
    environment = Environment(cloud="gcp", tier="dev", project="p", stack="gcp-dev")
    with pytest.raises(SpecError, match=rf"tracking\.machine is '{machine}': a custom size has 1 vCPU or an even"):
        check_tracking(TrackingSpec(machine=machine), environment)


def test_production_refuses_a_machine_that_google_promises_nothing_for(stack: Stack) -> None:
    with pytest.raises(SpecError, match=r"tracking\.machine is 'db-f1-micro': Google promises no availability"):
        stack("prod", tracking={"machine": "db-f1-micro"})


def test_more_than_a_week_of_restoring_needs_another_edition_which_is_said(stack: Stack) -> None:
    with pytest.raises(UnsupportedError, match=r"gcp cannot do tracking\.backupDays 14 on db-f1-micro; use 7, or"):
        stack("dev", tracking={"backupDays": 14})
