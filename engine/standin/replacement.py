"""Which changed property makes a provider replace a resource instead of updating it.

Three things force a replacement: another address (whatever is a part of the id, and what AWS calls the identity),
another place (project, region, location), and the properties of the table below. Everything else updates in place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final

from engine.standin import outputs, sdk_types
from engine.standin.values import is_unknown, plain

_PLACES: Final = ("location", "project", "region")
"""Nothing moves from one place to another."""

_UPDATED_IN_PLACE: Mapping[str, tuple[str, ...]] = {
    # github.com/hashicorp/terraform-provider-aws, internal/service/ecs/task_definition.go: each revision is final.
    "aws:ecs/taskDefinition:TaskDefinition": ("skipDestroy", "tags", "trackLatest"),
    # github.com/GoogleCloudPlatform/magic-modules, mmv1/products/compute: immutable, but for what has an update_url
    "gcp:compute/address:Address": ("deletionPolicy", "labels"),
    "gcp:compute/forwardingRule:ForwardingRule": (
        "allowGlobalAccess",
        "allowPscGlobalAccess",
        "deletionPolicy",
        "labels",
        "recreateClosedPsc",
        "target",
    ),
}
"""Types of which every property but these forces a replacement."""

_FORCING: Mapping[str, tuple[str, ...]] = {
    # ForceNew in the schemas of github.com/hashicorp/terraform-provider-aws, internal/service/…
    "aws:amp/workspace:Workspace": ("kmsKeyArn",),  # amp/workspace.go
    "aws:cloudwatch/logGroup:LogGroup": ("logGroupClass", "namePrefix"),  # logs/group.go
    "aws:ec2/routeTable:RouteTable": ("vpcId",),  # ec2/vpc_route_table.go
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (  # ec2/vpc_route_table_association.go
        "gatewayId",
        "subnetId",
    ),
    "aws:ec2/subnet:Subnet": (  # ec2/vpc_subnet.go
        "availabilityZone",
        "availabilityZoneId",
        "cidrBlock",
        "ipv4IpamPoolId",
        "ipv4NetmaskLength",
        "ipv6IpamPoolId",
        "ipv6Native",
        "ipv6NetmaskLength",
        "outpostArn",
        "vpcId",
    ),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),  # ec2/vpc_.go
    "aws:ec2/vpcEndpoint:VpcEndpoint": (  # ec2/vpc_endpoint.go
        "dnsOptions.privateDnsPreference",
        "dnsOptions.privateDnsSpecifiedDomains",
        "resourceConfigurationArn",
        "serviceName",
        "serviceNetworkArn",
        "serviceRegion",
        "vpcEndpointType",
        "vpcId",
    ),
    "aws:ecr/repository:Repository": ("encryptionConfigurations",),  # ecr/repository.go
    "aws:lb/loadBalancer:LoadBalancer": (  # elbv2/load_balancer.go
        "customerOwnedIpv4Pool",
        "internal",
        "loadBalancerType",
        "namePrefix",
    ),
    "aws:lb/targetGroup:TargetGroup": (  # elbv2/target_group.go
        "ipAddressType",
        "namePrefix",
        "port",
        "protocol",
        "protocolVersion",
        "targetType",
        "vpcId",
    ),
    "aws:rds/instance:Instance": (  # rds/instance.go
        "availabilityZone",
        "characterSetName",
        "customIamInstanceProfile",
        "dbName",
        "engine",
        "identifierPrefix",
        "kmsKeyId",
        "ncharCharacterSetName",
        "restoreToPointInTime",
        "snapshotIdentifier",
        "storageEncrypted",
        "timezone",
        "username",
    ),
    "aws:rds/parameterGroup:ParameterGroup": ("description", "family", "namePrefix"),  # rds/parameter_group.go
    "aws:rds/subnetGroup:SubnetGroup": ("namePrefix",),  # rds/subnet_group.go
    "aws:sns/topicSubscription:TopicSubscription": ("endpoint", "protocol", "topic"),  # sns/topic_subscription.go
    # A listener's id is its load balancer's with a part of its own.
    "aws:lb/listener:Listener": ("loadBalancerArn",),
    # pulumi_aws.ec2.SecurityGroup: "a simple security group name change forces new … likewise, description", and its
    # description "maps to the AWS GroupDescription attribute, for which there is no Update API".
    "aws:ec2/securityGroup:SecurityGroup": ("description", "name", "namePrefix", "vpcId"),
    # github.com/pulumi/pulumi-azure-native, provider/pkg/gen/replacement.go
    "azure-native:authorization:RoleAssignment": ("principalId",),
    "azure-native:network:PrivateEndpoint": ("subnet",),
    "azure-native:storage:StorageAccount": ("isHnsEnabled",),
    # pulumi_azure_native.storage: "immutable and can only be set to true at the creation time".
    "azure-native:storage:BlobContainer": ("immutableStorageWithVersioning",),
    # github.com/hashicorp/terraform-provider-google, google/services/artifactregistry: ForceNew
    "gcp:artifactregistry/repository:Repository": ("format", "kmsKeyName", "mode", "remoteRepositoryConfig"),
    # github.com/hashicorp/terraform-provider-google, google/tpgiamresource: ForceNew
    "gcp:projects/iAMMember:IAMMember": ("condition",),
    # github.com/GoogleCloudPlatform/magic-modules, mmv1/third_party/terraform/services/sql: ForceNew
    "gcp:sql/databaseInstance:DatabaseInstance": ("encryptionKeyName",),
    "gcp:sql/user:User": ("host", "type"),
    # github.com/GoogleCloudPlatform/magic-modules, mmv1/products/compute: immutable
    "gcp:compute/firewall:Firewall": ("direction",),
    "gcp:compute/subnetwork:Subnetwork": ("network", "purpose"),
    # pulumi_gcp: "recreated to modify this field", "immutable purpose", "cannot be changed", "force new".
    "gcp:compute/network:Network": ("description",),
    "gcp:kms/cryptoKey:CryptoKey": ("purpose",),
    "gcp:secretmanager/secret:Secret": ("replication",),
    "gcp:secretmanager/secretVersion:SecretVersion": ("secret", "secretData"),
}
"""By type, what forces a replacement beside the address and the place, and where that is written."""


def forced(token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The changed inputs that force a replacement, as property paths; none if the resource is updated in place."""
    token = sdk_types.current(token)
    old, new = plain(dict(old)), plain(dict(new))
    if token in _UPDATED_IN_PLACE:
        paths = {*old, *new} - {*_UPDATED_IN_PLACE[token]}
    else:
        paths = {*outputs.address(token), *_identity(token), *_PLACES, *_FORCING.get(token, ())}
    changed = {path for path in paths if not path.startswith("__") and _at(old, path) != _at(new, path)}
    # mmv1/products/compute/Subnetwork.yaml: ForceNewIfChange("ip_cidr_range", IsShrinkageIpCidr)
    if token == "gcp:compute/subnetwork:Subnetwork" and _shrinks(old.get("ipCidrRange"), new.get("ipCidrRange")):  # noqa: S105
        changed.add("ipCidrRange")
    return sorted(changed)


def delete_first(token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the old resource must go before the new one can have its name.

    So it is where the program itself gives the name, and gives the same one again; a name that the provider made up
    ends in seven random digits.
    """
    name = outputs.autoname(token)
    if name is None or old.get(name) is None or old.get(name) != new.get(name):
        return False
    return re.search(r"-[0-9a-f]{7}$", str(old[name])) is None


def _identity(token: str) -> list[str]:
    """The inputs among what the SDK of AWS calls a type's identity."""
    section = sdk_types.documentation(token).partition("### Identity Schema")[2].partition("Using `pulumi import`")[0]
    declared = sdk_types.inputs(token)
    names = [sdk_types.camel_case(name) for name in re.findall(r"[*-] `(\w+)`", section)]
    return [name for name in names if name in declared]


def _at(values: Mapping[str, Any], path: str) -> Any:
    """What stands at a path of names, None where there is nothing."""
    found: Any = values
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _shrinks(old: Any, new: Any) -> bool:
    """Whether a range of addresses is replaced by one that does not hold all of it."""
    if not isinstance(old, str) or not isinstance(new, str) or is_unknown(old) or is_unknown(new):
        return False
    before, after = ipaddress.IPv4Network(old), ipaddress.IPv4Network(new)
    return not before.subnet_of(after)
