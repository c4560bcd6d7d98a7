from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from components.aws.schedule import scheduler_expression
from components.spec import SpecError, UnsupportedError
from tests.components.aws.conftest import SECRET
from tests.components.aws.fakes import containers, statements
from tests.components.aws.test_network import WORKLOAD, egress
from tests.components.harness import Run

Stack = Callable[..., Run]


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 3 * * 1", "cron(0 3 ? * MON *)"),
        ("0 3 * * *", "cron(0 3 * * ? *)"),
        ("*/15 */2 1 */3 *", "cron(0/15 0/2 1 1/3 ? *)"),
        ("5,*/20 3 1 * *", "cron(5,0/20 3 1 * ? *)"),
        ("30 4 * * 1-5", "cron(30 4 ? * MON,TUE,WED,THU,FRI *)"),
        ("30 4 * * 0,6", "cron(30 4 ? * SUN,SAT *)"),
        ("30 4 * * 5-7", "cron(30 4 ? * SUN,FRI,SAT *)"),
        ("30 4 * * */2", "cron(30 4 ? * SUN,TUE,THU,SAT *)"),
    ],
)
def test_a_cron_expression_keeps_its_meaning(cron: str, expected: str) -> None:
    assert scheduler_expression(cron) == expected


def test_a_day_or_a_weekday_is_refused_because_the_scheduler_takes_one_of_them() -> None:
    with pytest.raises(UnsupportedError, match=r"0 3 1 \* 1.*give only one of the two"):
        scheduler_expression("0 3 1 * 1")


@pytest.mark.parametrize("weekday", ["8", "5-1", "1-", "-"])
def test_a_weekday_that_is_none_is_refused_with_its_value(weekday: str) -> None:
    with pytest.raises(SpecError, match=r"training\.schedule is '0 3 \* \* " + weekday):
        scheduler_expression(f"0 3 * * {weekday}")


def test_training_runs_in_the_private_network_within_its_time(stack: Stack) -> None:
    run = stack("prod")
    (container,) = containers(run.one("TaskDefinition", "training")).values()
    assert container["entryPoint"] == ["timeout", "--kill-after=30", "3600", "python", "-m", "training"]
    assert container["command"] == ["retrain", "--promote", "--unchanged-ok"]
    assert container["user"] == "10001:10001"
    variables = {entry["name"]: entry["value"] for entry in container["environment"]}
    assert variables["ARTIFACTS_URL"] == run.outputs["artifacts"]
    command = run.outputs["trainingCommand"]
    assert command.startswith("aws ecs run-task --region eu-west-1 --cluster ")
    place = json.loads(command.partition("--network-configuration '")[2].removesuffix("'"))["awsvpcConfiguration"]
    assert place["assignPublicIp"] == "DISABLED"
    assert place["securityGroups"] == ["network-workload-id", "training-id"]


def test_a_server_that_training_tells_is_reached_by_training_alone(stack: Stack) -> None:
    run = stack("prod")
    assert egress(run, "training-id") == {(443, "10.50.0.0/16")}
    assert (443, "10.50.0.0/16") not in egress(run, WORKLOAD)
    groups = run.one("scheduler/schedule:Schedule").inputs["target"]["ecsParameters"]["networkConfiguration"]
    assert groups["securityGroups"] == [WORKLOAD, "training-id"]
    assert not [group.urn for group in stack("prod", "bare").of("SecurityGroup") if "training" in group.name]


def test_training_is_given_variables_and_the_secrets_that_open_its_data(stack: Stack) -> None:
    run = stack("prod", "changed")
    (container,) = containers(run.one("TaskDefinition", "training")).values()
    assert {"name": "SOURCE", "value": "sales"} in container["environment"]
    assert container["secrets"] == [{"name": "PASSWORD", "valueFrom": f"{SECRET}:password::"}]
    read = statements(run, "training-execution")[3]
    assert (read["Action"], read["Resource"]) == (["secretsmanager:GetSecretValue"], [SECRET])
    (container,) = containers(stack("prod").one("TaskDefinition", "training")).values()
    assert "secrets" not in container
    assert len(statements(stack("prod"), "training-execution")) == 3


def test_training_reads_and_writes_its_bucket_and_deletes_nothing(stack: Stack) -> None:
    found = statements(stack("prod"), "training-task")
    assert [statement["Action"] for statement in found] == [
        ["s3:ListBucket"],
        ["s3:GetObject", "s3:PutObject"],
        ["kms:GenerateDataKey", "kms:Decrypt"],
    ]
    assert len(statements(stack("prod"), "training-execution")[1]["Resource"]) == 1


def test_production_trains_by_the_clock_and_dev_on_demand(stack: Stack) -> None:
    run = stack("prod")
    schedule = run.one("scheduler/schedule:Schedule").inputs
    assert (schedule["scheduleExpression"], schedule["scheduleExpressionTimezone"]) == ("cron(0 3 ? * MON *)", "UTC")
    target = schedule["target"]["ecsParameters"]
    assert target["networkConfiguration"]["assignPublicIp"] is False
    start, hand_over, tag = statements(run, "scheduler")
    assert start["Action"] == ["ecs:RunTask"]
    assert start["Condition"] == {"ArnEquals": {"ecs:cluster": "compute-arn"}}
    assert len(hand_over["Resource"]) == 2
    assert hand_over["Condition"] == {"StringLike": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    assert tag["Condition"] == {"StringEquals": {"ecs:CreateAction": ["RunTask"]}}
    stack("dev").none("scheduler/schedule:Schedule")


@pytest.mark.parametrize("bucket", ["training-artifacts", "tracking-files"])
def test_what_a_bucket_holds_is_versioned_encrypted_private_and_travels_encrypted(stack: Stack, bucket: str) -> None:
    run = stack("prod")
    assert run.one("BucketVersioning", bucket).inputs["versioningConfiguration"]["status"] == "Enabled"
    (rule,) = run.one("BucketServerSideEncryptionConfiguration", bucket).inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"] == "aws:kms"
    block = run.one("BucketPublicAccessBlock", bucket).inputs
    assert all(block[key] for key in block if key != "bucket")
    assert run.one("BucketOwnershipControls", bucket).inputs["rule"]["objectOwnership"] == "BucketOwnerEnforced"
    plain, old = json.loads(run.one("BucketPolicy", bucket).inputs["policy"])["Statement"]
    assert (plain["Effect"], plain["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert (old["Effect"], old["Condition"]) == ("Deny", {"NumericLessThan": {"s3:TlsVersion": 1.2}})
    assert run.one("s3/bucket:Bucket", bucket).inputs["forceDestroy"] is False
    assert stack("dev").one("s3/bucket:Bucket", bucket).inputs["forceDestroy"] is True


def test_without_training_there_is_no_job_and_no_bucket(stack: Stack) -> None:
    run = stack("dev", "changed")
    run.none("s3/bucket:Bucket")
    assert run.outputs.get("trainingJob") is None
