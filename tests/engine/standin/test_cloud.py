from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.standin.cloud import Cloud, Record
from engine.standin.faults import Refused

GROUP = "azure-native:resources:ResourceGroup"
VPC = "aws:ec2/vpc:Vpc"
Make = Callable[..., Record]


def test_a_resource_is_found_by_urn_type_and_stack(cloud: Cloud, record: Make) -> None:
    one = record(VPC, "network", "vpc-00000001")
    cloud.create(one)
    assert cloud[one.urn] is one
    assert cloud.of("vpc:Vpc") == [one]
    assert cloud.of("Subnet") == []
    assert cloud.stack("test") == [one]
    assert cloud.stack("tes") == []
    assert len(cloud) == 1
    with pytest.raises(KeyError, match="the cloud has no urn:other"):
        cloud["urn:other"]


def test_while_a_replaced_resource_still_exists_its_urn_means_the_new_one(cloud: Cloud, record: Make) -> None:
    for id_ in ("vpc-00000001", "vpc-00000002"):
        cloud.create(record(VPC, "network", id_))
    assert len(cloud) == 2
    assert cloud[next(iter(cloud)).urn].id == "vpc-00000002"


def test_what_was_done_and_every_former_input_is_kept(cloud: Cloud, record: Make) -> None:
    one = record(VPC, "network", "vpc-00000001", {"cidrBlock": "10.0.0.0/16"})
    cloud.create(one)
    cloud.update(one.urn, one.id, {"cidrBlock": "10.1.0.0/16"}, {"cidrBlock": "10.1.0.0/16"})
    assert [inputs["cidrBlock"] for inputs in one.history] == ["10.0.0.0/16", "10.1.0.0/16"]
    cloud.delete(one.urn, one.id)
    assert len(cloud) == 0
    assert [(done.method, done.type, done.name) for done in cloud.operations] == [
        ("create", VPC, "network"),
        ("update", VPC, "network"),
        ("delete", VPC, "network"),
    ]


def test_an_update_of_something_that_is_gone_is_refused_and_a_delete_is_not(cloud: Cloud, record: Make) -> None:
    one = record(VPC, "network", "vpc-00000001")
    cloud.create(one)
    cloud.remove(one)
    with pytest.raises(Refused, match="'vpc-00000001' does not exist"):
        cloud.update(one.urn, one.id, {}, {})
    cloud.delete(one.urn, one.id)


def test_of_two_creates_at_once_with_one_name_one_is_refused(cloud: Cloud, record: Make) -> None:
    def create(index: int) -> bool:
        try:
            cloud.create(record(GROUP, f"group-{index}", "/subscriptions/s/resourceGroups/one"))
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(create, range(64))) == 1
    assert len(cloud) == 1
