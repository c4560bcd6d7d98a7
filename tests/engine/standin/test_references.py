from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.standin.cloud import Cloud, Record
from engine.standin.faults import Refused

Make = Callable[..., Record]
SCOPE = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/one"
GROUP = ("azure-native:resources:ResourceGroup", "group", SCOPE)


@pytest.mark.parametrize(
    ("type_", "inputs", "text"),
    [
        ("aws:ec2/subnet:Subnet", {"vpcId": "vpc-0123456789abcdef0"}, "vpcId"),
        (
            "aws:lb/listener:Listener",
            {"defaultActions": [{"targetGroupArn": "arn:aws:x:eu:123456789012:y"}]},
            "defaultA",
        ),
        ("gcp:compute/subnetwork:Subnetwork", {"network": "projects/p/global/networks/n"}, "network"),
        ("gcp:x/y:IAMMember", {"member": "serviceAccount:who@p.iam.gserviceaccount.com"}, "member"),
        ("azure-native:monitor:ActionGroup", {"scopes": [f"{SCOPE}/providers/A/b/c"]}, r"scopes\[0\]"),
    ],
)
def test_a_reference_to_nothing_is_refused_with_its_property(
    cloud: Cloud, record: Make, type_: str, inputs: dict[str, Any], text: str
) -> None:
    with pytest.raises(Refused, match=rf"^{text}.* refers to '.*', which does not exist"):
        cloud.create(record(type_, "one", "one", inputs))
    assert len(cloud) == 0


def test_a_reference_to_what_the_cloud_handed_out_is_good_in_any_of_its_spellings(cloud: Cloud, record: Make) -> None:
    link = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n"
    cloud.create(record("gcp:compute/network:Network", "n", "projects/p/global/networks/n", {}, {"selfLink": link}))
    for name, network in {"by-link": link, "by-id": "projects/p/global/networks/n"}.items():
        cloud.create(record("gcp:compute/subnetwork:Subnetwork", name, name, {"network": network}))
    cloud.create(record(*GROUP))
    cloud.create(record("azure-native:monitor:ActionGroup", "a", f"{SCOPE.upper()}/providers/A/b/c"))
    assert len(cloud) == 5


def test_what_exists_outside_of_pulumi_may_be_referred_to(cloud: Cloud, record: Make) -> None:
    certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/one"
    cloud.outside.add(certificate)
    cloud.create(record("aws:lb/listener:Listener", "one", "one", {"certificateArn": certificate}))


def test_an_echo_of_a_reference_does_not_make_it_exist(cloud: Cloud, record: Make) -> None:
    vpc = record("aws:ec2/vpc:Vpc", "network", "vpc-00000001")
    cloud.create(vpc)
    cloud.create(record("aws:ec2/subnet:Subnet", "a", "subnet-00000001", {"vpcId": "vpc-00000001"}))
    cloud.remove(vpc)
    with pytest.raises(Refused, match="vpcId refers to 'vpc-00000001'"):
        cloud.create(record("aws:ec2/subnet:Subnet", "b", "subnet-00000002", {"vpcId": "vpc-00000001"}))


def test_an_update_is_held_to_its_references_too(cloud: Cloud, record: Make) -> None:
    subnet = record("aws:ec2/subnet:Subnet", "a", "subnet-00000001")
    cloud.create(subnet)
    with pytest.raises(Refused, match="vpcId refers to"):
        cloud.update(subnet.urn, subnet.id, {"vpcId": "vpc-00000001"}, {})


def test_what_the_provider_itself_owns_and_wildcards_are_no_references(cloud: Cloud, record: Make) -> None:
    for arn in ("arn:aws:iam::aws:policy/service-role/One", "arn:aws:logs:eu-west-1:123456789012:log-group:*"):
        cloud.create(record("aws:iam/one:One", arn, arn, {"arn": arn}))


def test_an_azure_resource_needs_its_parent(cloud: Cloud, record: Make) -> None:
    network = f"{SCOPE}/providers/Microsoft.Network/virtualNetworks/n"
    storage = f"{SCOPE}/providers/Microsoft.Storage/storageAccounts/s"
    with pytest.raises(Refused, match=f"the parent refers to '{SCOPE}', which does not exist"):
        cloud.create(record("azure-native:network:VirtualNetwork", "n", network))
    cloud.create(record(*GROUP))
    with pytest.raises(Refused, match=r"the parent refers to '.*/virtualNetworks/n', which"):
        cloud.create(record("azure-native:network:Subnet", "s", f"{network}/subnets/s"))
    cloud.create(record("azure-native:network:VirtualNetwork", "n", network))
    cloud.create(record("azure-native:network:Subnet", "s", f"{network}/subnets/s"))
    cloud.create(record("azure-native:storage:StorageAccount", "s", storage))
    cloud.create(record("azure-native:storage:BlobContainer", "c", f"{storage}/blobServices/default/containers/c"))
    roles = "providers/Microsoft.Authorization/roleAssignments/r"
    cloud.create(record("azure-native:authorization:RoleAssignment", "r", f"{storage}/{roles}"))


def test_what_azure_itself_makes_exists(cloud: Cloud, record: Make) -> None:
    watcher = SCOPE.replace("/one", "/NetworkWatcherRG/providers/Microsoft.Network/networkWatchers/w")
    cloud.create(record("azure-native:network:FlowLog", "f", f"{watcher}/flowLogs/f"))


def test_a_name_that_is_taken_in_its_scope_is_refused(cloud: Cloud, record: Make) -> None:
    cloud.create(record("aws:lb/targetGroup:TargetGroup", "a", "arn:one", {"name": "green"}))
    with pytest.raises(Refused, match=r"TargetGroup 'green' exists already \(409 Conflict\)"):
        cloud.create(record("aws:lb/targetGroup:TargetGroup", "b", "arn:two", {"name": "green"}))
    vpcs = [record("aws:ec2/vpc:Vpc", f"vpc-0000000{index}", f"vpc-0000000{index}") for index in (1, 2)]
    for vpc in vpcs:
        cloud.create(vpc)
        cloud.create(
            record("aws:ec2/securityGroup:SecurityGroup", vpc.id, f"sg-{vpc.id}", {"name": "same", "vpcId": vpc.id})
        )
    cloud.create(record("gcp:storage/bucket:Bucket", "a", "bucket"))
    with pytest.raises(Refused, match="'bucket' exists already"):
        cloud.create(record("gcp:storage/bucket:Bucket", "b", "bucket"))


def test_a_grant_can_be_made_twice(cloud: Cloud, record: Make) -> None:
    for name in ("a", "b"):
        cloud.create(record("gcp:projects/iAMMember:IAMMember", name, "p/roles/viewer/allUsers"))


def test_a_network_in_use_cannot_be_deleted(cloud: Cloud, record: Make) -> None:
    vpc = record("aws:ec2/vpc:Vpc", "network", "vpc-00000001")
    subnet = record("aws:ec2/subnet:Subnet", "a", "subnet-00000001", {"vpcId": vpc.id})
    for each in (vpc, subnet):
        cloud.create(each)
    with pytest.raises(Refused, match="is in use: aws:ec2/subnet:Subnet 'subnet-00000001' has it as vpcId"):
        cloud.delete(vpc.urn, vpc.id)
    for each in (subnet, vpc):
        cloud.delete(each.urn, each.id)


def test_what_the_cloud_protects_cannot_be_deleted(cloud: Cloud, record: Make) -> None:
    service = record("gcp:cloudrunv2/service:Service", "one", "one", {"deletionProtection": True})
    group = record(*GROUP)
    locks = f"{SCOPE}/providers/Microsoft.Authorization/locks/keep"
    lock = record("azure-native:authorization:ManagementLockByScope", "keep", locks, {"scope": SCOPE})
    for each in (service, group, lock):
        cloud.create(each)
    with pytest.raises(Refused, match="deletion protection"):
        cloud.delete(service.urn, service.id)
    service.change(deletionProtection=False)
    cloud.delete(service.urn, service.id)
    with pytest.raises(Refused, match="ScopeLocked"):
        cloud.delete(group.urn, group.id)
    for each in (lock, group):
        cloud.delete(each.urn, each.id)
