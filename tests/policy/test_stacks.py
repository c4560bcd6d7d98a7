"""The pack over the plans of the project's own stacks: they satisfy it, and it knows every type that they use."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from pulumi_policy import ResourceValidationPolicy
from pulumi_policy.deserialize import SPECIAL_SECRET_SIG, SPECIAL_SIG_KEY
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, UnknownValueError

from components.spec import Cloud, Tier
from policy.rules import (
    RULES,
    encryption,
    images,
    ingress,
    public_storage,
    registry_access,
    replicas,
    retention,
    secret_environment,
    tags,
    tls,
)
from tests.components.contract import fakes, stack_name, stack_run, stacks
from tests.components.harness import UNKNOWN, Registered, Run, Secret

RESOURCE_RULES = [rule for rule in RULES if isinstance(rule, ResourceValidationPolicy)]
MOCK_DIGEST = re.compile(r"(?<=@)[\w-]+-digest|^[\w-]+-digest$")
"""What the mocks say instead of the digest of an image that they did not build."""
every_stack = pytest.mark.parametrize(("cloud", "tier"), stacks(), ids=str)


def _wire(value: Any) -> Any:
    """An input as the engine passes it to the pack: unknowns as their sentinel, secrets marked, numbers as floats."""
    if value is UNKNOWN:
        return UNKNOWN_STRING_VALUE
    if isinstance(value, Secret):
        return {SPECIAL_SIG_KEY: SPECIAL_SECRET_SIG, "value": _wire(value.value)}
    if isinstance(value, dict):
        return {key: _wire(entry) for key, entry in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_wire(entry) for entry in cast(list[Any], value)]
    if isinstance(value, str):
        return MOCK_DIGEST.sub("sha256:" + "d" * 64, value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _run(cloud: Cloud, tier: Tier, *, preview: bool = False) -> Run:
    """The whole stack: development builds its image, production has a candidate beside the stable release."""
    return stack_run(cloud, tier, preview, "plain" if tier == "dev" else "candidate")


def _resources(cloud: Cloud, tier: Tier, *, preview: bool = False) -> list[Registered]:
    """What the stack asks a cloud for."""
    resources = _run(cloud, tier, preview=preview).resources
    return [found for found in resources if found.custom and not found.type.startswith("pulumi:")]


@every_stack
@pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
def test_every_plan_satisfies_every_rule(
    judge: Callable[..., list[str]], cloud: Cloud, tier: Tier, preview: bool
) -> None:
    violations: list[str] = []
    for resource in _resources(cloud, tier, preview=preview):
        options = {
            "stack": stack_name(cloud, tier),
            "protect": resource.protect,
            "violations": violations,
            "from_sdk": True,
        }
        for rule in RESOURCE_RULES:
            try:
                judge(rule, resource.type, _wire(resource.inputs), **options)
            except UnknownValueError:
                assert preview, f"{resource.urn}: {rule.name} met an unknown value in an update"
    assert violations == []


@every_stack
def test_every_bucket_of_a_plan_has_its_companions(cloud: Cloud, tier: Tier) -> None:
    found = _resources(cloud, tier)
    buckets = {resource.urn for resource in found if resource.type == public_storage.BUCKET}
    guarded = {
        (urn, resource.type)
        for resource in found
        if resource.type in public_storage.BUCKET_COMPANIONS
        for urn in resource.dependencies
    }
    assert {(urn, kind) for urn in buckets for kind in public_storage.BUCKET_COMPANIONS} <= guarded


# Types of which no rule but the one on tags could refuse anything, and why.
NOTHING_TO_JUDGE = {
    "grants a named role to a named identity, which the components' own tests hold to its use": {
        "aws:iam/role:Role",
        "aws:iam/rolePolicy:RolePolicy",
        "azure-native:authorization:RoleAssignment",
        "azure-native:dbforpostgresql:AdministratorsMicrosoftEntra",
        "azure-native:managedidentity:UserAssignedIdentity",
        "gcp:projects/serviceIdentity:ServiceIdentity",
        "gcp:serviceaccount/account:Account",
        "gcp:sql/user:User",
    },
    "is a place, an address or a way between such, and lets nobody in by itself": {
        "aws:ec2/eip:Eip",
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/route:Route",
        "aws:ec2/routeTable:RouteTable",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/subnet:Subnet",
        "aws:ec2/vpc:Vpc",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:route53/record:Record",
        "azure-native:network:PrivateDnsZoneGroup",
        "azure-native:network:PrivateEndpoint",
        "azure-native:network:VirtualNetwork",
        "azure-native:privatedns:PrivateRecordSet",
        "azure-native:privatedns:PrivateZone",
        "azure-native:privatedns:VirtualNetworkLink",
        "docker:index/network:Network",
        "gcp:compute/address:Address",
        "gcp:compute/forwardingRule:ForwardingRule",
        "gcp:compute/network:Network",
        "gcp:compute/route:Route",
        "gcp:compute/subnetwork:Subnetwork",
        "gcp:dns/managedZone:ManagedZone",
        "gcp:dns/recordSet:RecordSet",
    },
    "groups or names others, which are judged themselves": {
        "aws:ecs/cluster:Cluster",
        "aws:kms/alias:Alias",
        "aws:lb/targetGroup:TargetGroup",
        "aws:rds/subnetGroup:SubnetGroup",
        "gcp:projects/service:Service",
    },
    "lets traffic out, never in": {"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"},
    "is opened by its security groups and listeners, which are judged": {"aws:lb/loadBalancer:LoadBalancer"},
    "asks a release who it is, and changes nothing": {"pulumi-python:dynamic/mlplatform:ReleaseCheck"},
    "watches or records, and keeps what it finds in a store that is judged": {
        "aws:amp/alertManagerDefinition:AlertManagerDefinition",
        "aws:amp/ruleGroupNamespace:RuleGroupNamespace",
        "aws:cloudwatch/dashboard:Dashboard",
        "aws:cloudwatch/eventRule:EventRule",
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        "aws:ec2/flowLog:FlowLog",
        "aws:sns/topicSubscription:TopicSubscription",
        "azure-native:alertsmanagement:PrometheusRuleGroup",
        "azure-native:monitor:ActionGroup",
        "azure-native:monitor:DataCollectionEndpoint",
        "azure-native:monitor:DataCollectionRule",
        "azure-native:monitor:DiagnosticSetting",
        "azure-native:monitor:MetricAlert",
        "azure-native:monitor:ScheduledQueryRule",
        "azure-native:network:FlowLog",
        "azure-native:portal:Dashboard",
        "gcp:logging/projectSink:ProjectSink",
        "gcp:monitoring/alertPolicy:AlertPolicy",
        "gcp:monitoring/dashboard:Dashboard",
        "gcp:monitoring/notificationChannel:NotificationChannel",
    },
    "tightens, schedules or steers another resource": {
        "pulumi-python:dynamic:Resource",
        "aws:acm/certificate:Certificate",
        "aws:acm/certificateValidation:CertificateValidation",
        "aws:appautoscaling/policy:Policy",
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:scheduler/schedule:Schedule",
        "azure-native:app:ContainerAppsAuthConfig",
        "azure-native:authorization:ManagementLockByScope",
        "azure-native:storage:BlobServiceProperties",
        "gcp:cloudscheduler/job:Job",
    },
    "is the value of a secret, whose store is judged": {"gcp:secretmanager/secretVersion:SecretVersion"},
}
# What stands under a rule's own name for something else: network tags of a route, not labels.
NOT_LABELS = {"gcp:compute/route:Route"}


def _all_resources() -> list[Registered]:
    """What all stacks ask for together."""
    return [resource for cloud, tier in stacks() for resource in _resources(cloud, tier)]


def _keys(value: Any) -> Iterator[str]:
    """The names of all inputs at any depth, those in a JSON text included, that have a value."""
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            yield from _keys(json.loads(value) if value.startswith(("[", "{")) else None)
    elif isinstance(value, dict):
        for key, entry in cast(dict[str, Any], value).items():
            if entry:
                yield from (key, *_keys(entry))
    elif isinstance(value, list):
        for entry in cast(list[Any], value):
            yield from _keys(entry)


def _with_input(*names: str) -> set[str]:
    """The types of the stacks' resources that were given an input of one of these names, at any depth."""
    return {found.type for found in _all_resources() if not {*names}.isdisjoint(_keys(found.inputs))}


def test_every_type_in_use_is_judged_or_has_nothing_to_judge() -> None:
    modules = (
        encryption,
        images,
        ingress,
        public_storage,
        registry_access,
        replicas,
        retention,
        secret_environment,
        tls,
    )
    judged = {kind for module in modules for kind in module.TABLE} | set(public_storage.BUCKET_COMPANIONS)
    exempt = set[str]().union(*NOTHING_TO_JUDGE.values())
    used = {resource.type for resource in _all_resources()}
    assert used - judged - exempt == set(), "add them to a rule's table, or here with the reason"
    assert judged & exempt == set()


def test_every_type_that_runs_or_builds_an_image_is_held_to_digests() -> None:
    assert _with_input("image", "imageUri", "exports") <= set(images.TABLE)


def test_every_type_with_variables_is_searched_for_secrets() -> None:
    assert _with_input("env", "envs", "containerDefinitions", "buildArgs") <= set(secret_environment.TABLE)


def test_every_type_that_names_sources_of_traffic_is_held_to_the_load_balancers_ports() -> None:
    sources = ("securityRules", "sourceAddressPrefix", "cidrIpv4", "cidrIpv6", "cidrBlocks", "sourceRanges", "ports")
    outbound = {"aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "gcp:cloudrunv2/service:Service"}
    assert _with_input(*sources) - outbound <= set(ingress.TABLE)


def test_every_type_that_a_component_protects_must_be_kept() -> None:
    protected = {resource.type for resource in _all_resources() if resource.protect}
    held = {
        run.by_urn(urn).type for cloud, tier in stacks() if (run := _run(cloud, tier)) for urn in fakes(cloud).data(run)
    }
    assert protected
    assert protected | held <= set(retention.TABLE)


def test_every_type_that_takes_tags_is_asked_for_them() -> None:
    taggable = {resource.type for resource in _all_resources() if resource.taggable}
    assert taggable - NOT_LABELS <= set(tags.TABLE)
