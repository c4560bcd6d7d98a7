from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from components.aws.checks import check
from components.aws.database import instance_class
from components.aws.settings import Settings
from components.spec import Environment, MonitoringSpec, ServiceSpec, SpecError, Tier
from components.tracking import TrackingSpec
from tests.components.aws.fakes import ACCOUNT, DATABASE_SECRET, REGION, statements
from tests.components.aws.test_network import WORKLOAD, egress, ingress
from tests.components.harness import UNKNOWN, Run

Stack = Callable[..., Run]
GROUP, CLIENT = "tracking-database-id", "tracking-database-client-id"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/account"

every_tier = pytest.mark.parametrize("tier", ["dev", "prod"])
every_mode = pytest.mark.parametrize("preview", [False, True])


def database(run: Run) -> dict[str, Any]:
    return run.one("rds/instance:Instance").inputs


@every_tier
@every_mode
def test_the_database_is_private_encrypted_and_patched(stack: Stack, tier: Tier, preview: bool) -> None:
    run = stack(tier, preview=preview)
    asked = database(run)
    assert (asked["engine"], asked["dbName"], asked["port"]) == ("postgres", "mlflow", 5432)
    assert asked["publiclyAccessible"] is False
    assert (asked["storageEncrypted"], asked["kmsKeyId"]) == (True, UNKNOWN if preview else KEY)
    assert asked["autoMinorVersionUpgrade"] is True
    assert re.fullmatch(r"\d+", asked["engineVersion"]), "a minor version holds the patches up"


@every_tier
def test_it_stands_in_the_data_subnets_of_every_zone(stack: Stack, tier: Tier) -> None:
    run = stack(tier)
    subnets = run.one("rds/subnetGroup:SubnetGroup").inputs
    zones = "ab" if tier == "dev" else "abc"
    assert subnets["subnetIds"] == [f"network-data-{zone}-id" for zone in zones]
    assert database(run)["dbSubnetGroupName"] == subnets["name"]


@every_tier
def test_who_carries_its_clients_group_reaches_it_on_its_port_and_nobody_else_does(stack: Stack, tier: Tier) -> None:
    run = stack(tier)
    assert database(run)["vpcSecurityGroupIds"] == [GROUP]
    assert ingress(run, GROUP) == {(5432, CLIENT)}
    assert egress(run, CLIENT) == {(5432, GROUP)}
    assert run.outputs["trackingSecurityGroup"] == CLIENT
    assert egress(run, WORKLOAD) == egress(stack(tier, "bare"), WORKLOAD), "other tasks have no way"
    for group in (GROUP, CLIENT):
        carried = [r.urn for r in run.resources if r.type.startswith("aws:ecs/") and group in str(r.inputs)]
        assert not carried, "no task of the stack gets in"
    assert GROUP not in {rule.inputs["securityGroupId"] for rule in run.of("SecurityGroupEgressRule")}
    assert CLIENT not in {rule.inputs["securityGroupId"] for rule in run.of("SecurityGroupIngressRule")}


@every_tier
def test_unasked_no_way_is_open_and_nothing_stands_there(stack: Stack, tier: Tier) -> None:
    bare = stack(tier, "bare")
    assert 5432 not in {port for port, _ in egress(bare, WORKLOAD)}
    assert not [resource.urn for resource in bare.resources if ":rds/" in resource.type or "tracking" in resource.name]
    assert not [name for name in bare.outputs if name.startswith("tracking")]


def test_the_server_takes_tls_alone(stack: Stack) -> None:
    run = stack("prod")
    parameters = run.one("rds/parameterGroup:ParameterGroup").inputs
    assert parameters["parameters"] == [
        {"name": "rds.force_ssl", "value": "1", "applyMethod": "pending-reboot"},
    ]
    assert parameters["family"] == f"postgres{database(run)['engineVersion']}"
    assert database(run)["parameterGroupName"] == parameters["name"]


@every_tier
@every_mode
def test_no_password_passes_through_the_program(stack: Stack, tier: Tier, preview: bool) -> None:
    asked = database(stack(tier, preview=preview))
    assert asked["manageMasterUserPassword"] is True
    assert asked["masterUserSecretKmsKeyId"] == (UNKNOWN if preview else KEY)
    assert not {"password", "passwordWo"} & set(asked)


@every_mode
def test_the_stack_tells_where_the_password_is(stack: Stack, preview: bool) -> None:
    outputs = stack("dev", preview=preview).outputs
    assert outputs["trackingSecret"] == (UNKNOWN if preview else DATABASE_SECRET)


def test_backups_reach_back_as_far_as_asked_and_storage_grows(stack: Stack) -> None:
    for tier, variant, days, storage in (("dev", "plain", 7, 32), ("prod", "changed", 14, 1024)):
        asked = database(stack(tier, variant))
        assert asked["backupRetentionPeriod"] == days
        assert (asked["storageType"], asked["allocatedStorage"]) == ("gp3", storage)
        assert storage < asked["maxAllocatedStorage"] <= 65536
        assert asked["copyTagsToSnapshot"] is True


def test_production_has_a_standby_and_leaves_a_snapshot_and_its_backups(stack: Stack) -> None:
    asked = database(stack("prod"))
    assert (asked["multiAz"], asked["deletionProtection"]) == (True, True)
    assert (asked["skipFinalSnapshot"], asked["deleteAutomatedBackups"]) == (False, False)
    # What the SDK says of final_snapshot_identifier
    assert re.fullmatch(r"(?!.*--)[a-z][a-z0-9-]*[a-z0-9]", asked["finalSnapshotIdentifier"])
    assert asked["finalSnapshotIdentifier"] != asked["identifier"]


def test_a_dev_stack_can_go_with_its_data(stack: Stack) -> None:
    asked = database(stack("dev"))
    assert (asked["multiAz"], asked["deletionProtection"]) == (False, False)
    assert (asked["skipFinalSnapshot"], asked["deleteAutomatedBackups"]) == (True, True)
    assert "finalSnapshotIdentifier" not in asked


def test_retiring_takes_the_guard_off_and_keeps_the_final_snapshot(stack: Stack) -> None:
    guarded, retiring = database(stack("prod")), database(stack("prod", "retiring"))
    assert retiring == {**guarded, "deletionProtection": False}


@every_tier
def test_its_log_is_kept_with_the_others_under_the_name_that_rds_writes_to(stack: Stack, tier: Tier) -> None:
    run = stack(tier)
    asked, group = run.one("rds/instance:Instance"), run.one("LogGroup", "tracking")
    assert group.inputs["name"] == f"/aws/rds/instance/{asked.inputs['identifier']}/postgresql"
    assert asked.inputs["enabledCloudwatchLogsExports"] == ["postgresql"]
    assert group.urn in asked.dependencies, "RDS would make the group itself"
    service = run.one("LogGroup", "telemetry-service").inputs
    for key in ("retentionInDays", "kmsKeyId"):
        assert group.inputs[key] == service[key]


def test_the_server_may_log_in_and_use_its_bucket(stack: Stack) -> None:
    run = stack("prod")
    bucket = f"arn:aws:s3:::{run.one('s3/bucket:Bucket', 'tracking').inputs['bucket']}"
    read, decrypt, look, use, seal = statements(run, "tracking-server")
    assert (read["Action"], read["Resource"]) == (["secretsmanager:GetSecretValue"], DATABASE_SECRET)
    through = f"secretsmanager.{REGION}.amazonaws.com"
    assert (decrypt["Action"], decrypt["Resource"]) == (["kms:Decrypt"], KEY)
    assert decrypt["Condition"]["StringEquals"] == {
        "kms:ViaService": through,
        "kms:EncryptionContext:SecretARN": DATABASE_SECRET,
    }
    assert (look["Action"], look["Resource"]) == (["s3:ListBucket"], bucket)
    assert {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"} <= set(use["Action"])
    assert use["Resource"] == f"{bucket}/*"
    assert seal["Condition"] == {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    assert run.outputs["trackingIdentity"] == run.component_outputs[run.one(":TrackingStore").urn]["identity"]
    assert run.outputs["trackingFiles"] == f"s3://{bucket.removeprefix('arn:aws:s3:::')}/mlflow"


def test_the_machine_can_be_chosen_and_the_smallest_is_the_default(stack: Stack) -> None:
    assert database(stack("prod", "changed"))["instanceClass"] == "db.m7g.large"
    assert {database(stack(tier))["instanceClass"] for tier in ("dev", "prod")} == {"db.t4g.micro"}


@pytest.mark.parametrize("machine", ["B_Standard_B1ms", "db-f1-micro", "t4g.micro", "db.serverless", "db.t4g.", ""])
def test_a_machine_that_is_none_of_rds_is_refused_before_anything_is_asked_for(machine: str) -> None:
    environment = Environment(cloud="aws", tier="dev", project="mlplatform", stack="aws-dev")
    with pytest.raises(SpecError, match=rf"tracking\.machine is '{re.escape(machine)}'.*db\.t4g\.micro"):
        check(
            environment,
            Settings(),
            service=ServiceSpec(),
            training=None,
            tracking=TrackingSpec(machine=machine),
            monitoring=MonitoringSpec(),
        )


@pytest.mark.parametrize("machine", ["db.t4g.micro", "db.r6i.32xlarge", "db.m6gd.large", "db.x2iedn.xlarge"])
def test_a_machine_of_rds_is_taken(machine: str) -> None:
    assert instance_class(TrackingSpec(machine=machine)) == machine
