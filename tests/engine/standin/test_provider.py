from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2 as messages

from engine.standin.cloud import Cloud
from engine.standin.properties import decode
from engine.standin.values import UNKNOWN
from tests.engine.standin.client import Client

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
INPUTS = {"cidrBlock": "10.0.0.0/16"}
Connect = Callable[..., Client]


def test_the_protocol_is_spoken_as_the_bridged_providers_do(client: Connect) -> None:
    stub = client("azure-native:resources:ResourceGroup").stub
    agreed = stub.Handshake(messages.ProviderHandshakeRequest())
    configured = stub.Configure(messages.ConfigureRequest())
    assert (agreed.accept_secrets, configured.acceptSecrets, configured.supportsPreview) == (False, False, True)
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == version("pulumi-azure-native")
    with pytest.raises(grpc.RpcError) as refusal:
        stub.Construct(messages.ConstructRequest())
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_inputs_that_the_type_does_not_have_are_refused_by_name(client: Connect) -> None:
    answer = client(VPC).check({"cidrBlok": "10.0.0.0/16"})
    assert [failure.property for failure in answer.failures] == ["cidrBlok"]


def test_inputs_that_are_not_known_yet_pass(client: Connect) -> None:
    assert not client(SUBNET).check({"vpcId": UNKNOWN, "tags": UNKNOWN}).failures


def test_a_physical_name_is_made_up_once_and_then_kept(client: Connect) -> None:
    group = client("aws:lb/targetGroup:TargetGroup", "green")
    first = decode(group.check({"port": 80, "protocol": "HTTP"}).inputs)
    assert first["name"].startswith("green-")
    assert decode(group.check({"port": 81, "protocol": "HTTP"}, first).inputs)["name"] == first["name"]
    assert decode(group.check({"name": "mine"}, first).inputs)["name"] == "mine"


def test_a_preview_creates_nothing_and_knows_only_the_inputs(cloud: Cloud, client: Connect) -> None:
    id_, outputs = client(VPC).create(INPUTS, preview=True)
    assert (id_, len(cloud), cloud.operations) == ("", 0, [])
    assert (outputs["cidrBlock"], outputs["arn"]) == ("10.0.0.0/16", UNKNOWN)


def test_a_create_gives_an_id_and_known_outputs_and_the_cloud_has_them(cloud: Cloud, client: Connect) -> None:
    network = client(VPC)
    network.configure(region="eu-west-1")
    id_, outputs = network.create(INPUTS)
    assert id_.startswith("vpc-")
    assert outputs["arn"].startswith("arn:aws:ec2:eu-west-1:")
    assert UNKNOWN not in outputs.values()
    assert (cloud[network.urn].id, cloud[network.urn].inputs, cloud[network.urn].outputs) == (id_, INPUTS, outputs)


def test_a_reference_to_nothing_comes_back_as_an_error(cloud: Cloud, client: Connect) -> None:
    with pytest.raises(grpc.RpcError, match="vpcId refers to 'vpc-0123456789abcdef0', which does not exist") as refusal:
        client(SUBNET).create({"vpcId": "vpc-0123456789abcdef0", "cidrBlock": "10.0.1.0/24"})
    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND
    assert len(cloud) == 0


def test_unchanged_inputs_are_no_difference(client: Connect) -> None:
    answer = client(VPC).diff("vpc-00000001", INPUTS, dict(INPUTS))
    assert (answer.changes, list(answer.diffs)) == (messages.DiffResponse.DIFF_NONE, [])


def test_a_changed_property_is_named_and_replaces_only_where_it_must(client: Connect) -> None:
    network = client(VPC)
    tagged = network.diff("vpc-00000001", INPUTS | {"tags": {"a": "1"}}, INPUTS | {"tags": {"a": "2", "b": "3"}})
    assert (list(tagged.diffs), list(tagged.replaces)) == (["tags"], [])
    assert {path: diff.kind for path, diff in tagged.detailedDiff.items()} == {
        "tags.a": messages.PropertyDiff.UPDATE,
        "tags.b": messages.PropertyDiff.ADD,
    }
    moved = network.diff("vpc-00000001", INPUTS, {"cidrBlock": "10.1.0.0/16"})
    assert list(moved.replaces) == ["cidrBlock"]
    assert moved.detailedDiff["cidrBlock"].kind == messages.PropertyDiff.UPDATE_REPLACE
    assert not moved.deleteBeforeReplace


def test_what_must_be_replaced_under_its_fixed_name_is_deleted_first(client: Connect) -> None:
    old = {"name": "green", "port": 80, "protocol": "HTTP"}
    answer = client("aws:lb/targetGroup:TargetGroup").diff("arn", old, old | {"port": 81})
    assert (list(answer.replaces), answer.deleteBeforeReplace) == (["port"], True)


def test_ignored_changes_are_no_difference(client: Connect) -> None:
    answer = client(VPC).diff("vpc-00000001", INPUTS, INPUTS | {"tags": {"a": "1"}}, ignore=("tags",))
    assert answer.changes == messages.DiffResponse.DIFF_NONE


def test_a_planned_update_keeps_what_stays_and_changes_nothing(cloud: Cloud, client: Connect) -> None:
    network = client(VPC)
    id_, outputs = network.create(INPUTS)
    planned = network.update(id_, outputs, INPUTS | {"tags": {"a": UNKNOWN}}, preview=True)
    assert (planned["arn"], planned["tags"]) == (outputs["arn"], {"a": UNKNOWN})
    assert cloud[network.urn].inputs == INPUTS


def test_an_update_keeps_the_id_and_repairs_what_had_drifted(cloud: Cloud, client: Connect) -> None:
    network = client(VPC)
    id_, outputs = network.create(INPUTS)
    cloud[network.urn].change(enableDnsSupport=False)
    assert decode(network.read(id_).properties)["enableDnsSupport"] is False
    assert decode(network.read(id_).inputs) == INPUTS | {"enableDnsSupport": False}
    updated = network.update(id_, outputs, INPUTS | {"enableDnsSupport": True})
    assert (updated["arn"], updated["enableDnsSupport"]) == (outputs["arn"], True)
    assert cloud[network.urn].outputs == updated


def test_what_was_created_again_has_other_ids(client: Connect) -> None:
    network = client(VPC)
    ids = [network.create(INPUTS)[0] for _ in range(2)]
    for id_ in ids:
        network.delete(id_)
    assert ids[0] != ids[1]


def test_what_is_gone_is_read_as_gone(cloud: Cloud, client: Connect) -> None:
    network = client(VPC)
    id_, _ = network.create(INPUTS)
    cloud.remove(cloud[network.urn])
    assert network.read(id_).id == ""


def test_an_armed_fault_reaches_the_engine_with_its_message(cloud: Cloud, client: Connect) -> None:
    cloud.faults.fail("create", type="Vpc", message="VpcLimitExceeded")
    network = client(VPC)
    with pytest.raises(grpc.RpcError, match="VpcLimitExceeded"):
        network.create(INPUTS)
    assert len(cloud) == 0
    cloud.faults.fail("create", after=True)
    with pytest.raises(grpc.RpcError):
        network.create(INPUTS)
    assert len(cloud) == 1


def test_a_function_that_nobody_knows_is_an_error_with_its_name(client: Connect) -> None:
    with pytest.raises(grpc.RpcError, match="getNothing"):
        client(VPC).stub.Invoke(messages.InvokeRequest(tok="aws:index/getNothing:getNothing"))


def test_an_unchanged_image_keeps_its_digest(client: Connect) -> None:
    image = client("docker-build:index:Image")
    inputs = {"context": {"location": "."}, "push": True, "tags": ["registry.example/one:a"]}
    id_, outputs = image.create(inputs)
    assert outputs["digest"].startswith("sha256:")
    assert image.update(id_, outputs, inputs)["digest"] == outputs["digest"]
