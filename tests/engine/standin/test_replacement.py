"""Which changes replace a resource, and which do not."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from engine.standin import replacement, sdk_types


@pytest.mark.parametrize(
    ("token", "old", "new", "forced"),
    [
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.1.0.0/16"}, ["cidrBlock"]),
        ("aws:ec2/vpc:Vpc", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, []),
        ("aws:ec2/subnet:Subnet", {"vpcId": "vpc-1"}, {"vpcId": UNKNOWN}, ["vpcId"]),
        ("aws:ecs/service:Service", {"taskDefinition": "a:1"}, {"taskDefinition": "a:2"}, []),
        ("aws:ecs/service:Service", {"cluster": "a"}, {"cluster": "b"}, ["cluster"]),
        ("aws:ecs/taskDefinition:TaskDefinition", {"cpu": "256"}, {"cpu": "512"}, ["cpu"]),
        ("aws:ecs/taskDefinition:TaskDefinition", {"tags": {}}, {"tags": {"a": "1"}}, []),
        ("aws:rds/instance:Instance", {"dbSubnetGroupName": "a"}, {"dbSubnetGroupName": "b"}, []),
        ("aws:rds/instance:Instance", {"identifier": "a"}, {"identifier": "b"}, ["identifier"]),
        ("aws:rds/instance:Instance", {"storageEncrypted": False}, {"storageEncrypted": True}, ["storageEncrypted"]),
        ("aws:s3/bucket:Bucket", {"bucket": "a"}, {"bucket": "b"}, ["bucket"]),
        ("azure-native:app:ContainerApp", {"template": {"scale": {}}}, {"template": {}}, []),
        ("azure-native:app:ContainerApp", {"containerAppName": "a"}, {"containerAppName": "b"}, ["containerAppName"]),
        ("azure-native:resources:ResourceGroup", {"location": "a"}, {"location": "b"}, ["location"]),
        ("azure-native:network:PrivateEndpoint", {"subnet": {"id": "a"}}, {"subnet": {"id": "b"}}, ["subnet"]),
        ("gcp:cloudrunv2/service:Service", {"template": {"revision": "a"}}, {"template": {"revision": "b"}}, []),
        ("gcp:cloudrunv2/service:Service", {"location": "a"}, {"location": "b"}, ["location"]),
        ("gcp:compute/address:Address", {"subnetwork": "a"}, {"subnetwork": "b"}, ["subnetwork"]),
        ("gcp:compute/address:Address", {"labels": {"a": "1"}}, {"labels": {}}, []),
        ("gcp:compute/forwardingRule:ForwardingRule", {"target": "a"}, {"target": "b"}, []),
        ("gcp:sql/databaseInstance:DatabaseInstance", {"settings": {"tier": "a"}}, {"settings": {"tier": "b"}}, []),
        ("gcp:sql/databaseInstance:DatabaseInstance", {"name": "a"}, {"name": "b"}, ["name"]),
        ("gcp:sql/user:User", {"databaseRoles": ["a"]}, {"databaseRoles": []}, []),
        ("gcp:storage/bucket:Bucket", {"location": "EU"}, {"location": "US"}, ["location"]),
        ("gcp:secretmanager/secretVersion:SecretVersion", {"secretData": "a"}, {"secretData": "b"}, ["secretData"]),
    ],
)
def test_a_change_forces_a_replacement_or_not(
    token: str, old: dict[str, Any], new: dict[str, Any], forced: list[str]
) -> None:
    assert replacement.forced(token, old, new) == forced


@pytest.mark.parametrize(("range_", "forced"), [("10.0.0.0/20", []), ("10.0.0.0/26", ["ipCidrRange"])])
def test_a_subnetwork_of_google_grows_in_place_and_shrinks_by_replacement(range_: str, forced: list[str]) -> None:
    token = "gcp:compute/subnetwork:Subnetwork"
    assert replacement.forced(token, {"ipCidrRange": "10.0.0.0/24"}, {"ipCidrRange": range_}) == forced


def test_every_property_in_the_table_is_one_of_the_sdk() -> None:
    table: dict[str, tuple[str, ...]] = {**vars(replacement)["_FORCING"], **vars(replacement)["_UPDATED_IN_PLACE"]}
    missing = [
        f"{token} {path}"
        for token, paths in table.items()
        for path in paths
        if path.partition(".")[0] not in sdk_types.inputs(token)
    ]
    assert not missing


def test_a_resource_that_keeps_a_name_of_the_programs_choice_goes_before_its_successor_comes() -> None:
    token = "aws:lb/targetGroup:TargetGroup"
    assert replacement.delete_first(token, {"name": "mine", "port": 1}, {"name": "mine", "port": 2})
    assert not replacement.delete_first(token, {"name": "mine"}, {"name": "other"})
    assert not replacement.delete_first(token, {"name": "mine-0a1b2c3"}, {"name": "mine-0a1b2c3"})
    assert not replacement.delete_first("aws:ecs/taskDefinition:TaskDefinition", {"family": "a"}, {"family": "a"})
