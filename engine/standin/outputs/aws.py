"""What AWS answers. Ids and ARNs have the form that each service gives them (the SDK's import examples show it)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from engine.standin import sdk_types
from engine.standin.outputs.templates import TIME, Filling, Template
from engine.standin.values import UNKNOWN, is_unknown

ACCOUNT: Final = "123456789012"


def facts(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    """The account and the provider's region."""
    return {"account": ACCOUNT, "region": str(configuration.get("region", "eu-west-1"))}


def address(token: str) -> list[str]:
    """The inputs that the templates of the id hold."""
    template = _OUTPUTS.get(token.removeprefix("aws:"), {}).get("id")
    declared = sdk_types.inputs(token)
    return [field for field in re.findall(r"\{(\w+)\}", str(template)) if field in declared]


def autoname(token: str) -> str | None:
    """``name``, or ``bucket`` for buckets, where the SDK does not require it."""
    if token == "aws:s3/bucket:Bucket":  # noqa: S105  a type's name
        return "bucket"
    name = sdk_types.inputs(token).get("name")
    return "name" if name and not name.required and not token.startswith("aws:kms/") else None


def answer(token: str, args: Mapping[str, Any], facts: Mapping[str, str]) -> dict[str, Any]:
    """Nothing is asked."""
    del facts
    raise LookupError(f"{token}({dict(args)}): the stand-in knows no such function of AWS")


def outputs(token: str, inputs: Mapping[str, Any]) -> Mapping[str, Template]:
    """What every resource answers, and what this type does."""
    del inputs
    own = _OUTPUTS.get(token.removeprefix("aws:"), {"id": "{hex17}"})
    common: dict[str, Template] = {
        "region": "{region}",
        "tagsAll": lambda resource: resource.inputs.get("tags", {}),
        "ownerId": "{account}",
    }
    declared = sdk_types.outputs(token)
    return {**{key: value for key, value in common.items() if key in declared}, **own}


def _arn(service: str, resource: str) -> str:
    """The template of an ARN in the account's region."""
    return f"arn:aws:{service}:{{region}}:{{account}}:{resource}"


def _ec2(kind: str, prefix: str) -> dict[str, Template]:
    """A resource of EC2, whose id is random and whose ARN ends in it."""
    return {"id": f"{prefix}-{{hex17}}", "arn": _arn("ec2", f"{kind}/{{id}}")}


def _named(service: str, resource: str) -> dict[str, Template]:
    """A resource with its name for its id."""
    return {"id": "{name}", "arn": _arn(service, resource)}


def _by_arn(service: str, resource: str) -> dict[str, Template]:
    """A resource with its ARN for its id."""
    return {"id": _arn(service, resource), "arn": "{id}"}


def _last(resource: Filling, key: str) -> str:
    """The name at the end of an ARN among the inputs."""
    return resource.text(key).rpartition("/")[2]


def _service_id(service: Filling) -> str:
    """``arn:…:service/<cluster>/<name>``."""
    arn = f"arn:aws:ecs:{service.text('region')}:{ACCOUNT}:service/{_last(service, 'cluster')}/{service.text('name')}"
    return UNKNOWN if is_unknown(arn) else arn


def _revision(definition: Filling) -> int:
    """Of a family each registration is another revision, whose number never comes back."""
    return int(definition.made_up("digits6", "revision"))


def _master_secrets(instance: Filling) -> list[dict[str, str]]:
    """The secret that RDS makes where it manages the password."""
    if not instance.inputs.get("manageMasterUserPassword"):
        return []
    name = f"rds!db-{instance.made_up('uuid', 'secret')}-{instance.made_up('hex6', 'secret')}"
    arn = f"arn:aws:secretsmanager:{instance.text('region')}:{ACCOUNT}:secret:{name}"
    return [{"secretArn": arn, "secretStatus": "active", "kmsKeyId": instance.text("masterUserSecretKmsKeyId")}]


def _listener_id(listener: Filling) -> str:
    """The listener's part after that of its load balancer."""
    arn = listener.text("loadBalancerArn").replace(":loadbalancer/", ":listener/", 1)
    return UNKNOWN if is_unknown(arn) else f"{arn}/{listener.made_up('hex16', 'id')}"


def _validation(certificate: Filling) -> list[dict[str, str]]:
    """The record by which each domain of the certificate is proved."""
    names = [certificate.text("domainName"), *map(str, certificate.list("subjectAlternativeNames"))]
    return [
        {
            "domainName": name,
            "resourceRecordName": f"_{certificate.made_up('hex32', name)}.{name}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{certificate.made_up('hex32', 'value ' + name)}.acm-validations.aws.",
        }
        for name in dict.fromkeys(names)
    ]


_LOAD_BALANCING = "elasticloadbalancing"
_OF_A_BUCKET: dict[str, Template] = {"id": "{bucket}"}
_RULE: dict[str, Template] = {"id": "sgr-{hex17}", "securityGroupRuleId": "{id}", **_ec2("security-group-rule", "sgr")}
_OUTPUTS: Mapping[str, Mapping[str, Template]] = {
    "acm/certificate:Certificate": {
        **_by_arn("acm", "certificate/{uuid}"),
        "domainValidationOptions": _validation,
        "status": "ISSUED",
        "type": "AMAZON_ISSUED",
    },
    "acm/certificateValidation:CertificateValidation": {"id": TIME},
    "amp/alertManagerDefinition:AlertManagerDefinition": {"id": "{workspaceId}"},
    "amp/ruleGroupNamespace:RuleGroupNamespace": {
        **_by_arn("aps", "rulegroupsnamespace/{workspaceId}/{name}"),
    },
    "amp/workspace:Workspace": {
        "id": "ws-{uuid}",
        "arn": _arn("aps", "workspace/{id}"),
        "prometheusEndpoint": "https://aps-workspaces.{region}.amazonaws.com/workspaces/{id}/",
    },
    "appautoscaling/policy:Policy": {
        "id": "{name}",
        "arn": _arn("autoscaling", "scalingPolicy:{uuid}:resource/ecs/{resourceId}:policyName/{name}"),
    },
    "appautoscaling/target:Target": {
        "id": "{resourceId}",
        "arn": _arn("application-autoscaling", "scalable-target/{hex32}"),
    },
    "cloudwatch/dashboard:Dashboard": {
        "id": "{dashboardName}",
        "dashboardArn": "arn:aws:cloudwatch::{account}:dashboard/{dashboardName}",
    },
    "cloudwatch/eventRule:EventRule": _named("events", "rule/{name}"),
    "cloudwatch/eventTarget:EventTarget": {"targetId": "{targetId}", "id": "{rule}-{targetId}"},
    "cloudwatch/logGroup:LogGroup": _named("logs", "log-group:{name}"),
    "cloudwatch/metricAlarm:MetricAlarm": _named("cloudwatch", "alarm:{name}"),
    "ec2/defaultSecurityGroup:DefaultSecurityGroup": {
        **_ec2("security-group", "sg"),
        "name": "default",
        "description": "default VPC security group",
    },
    "ec2/flowLog:FlowLog": _ec2("vpc-flow-log", "fl"),
    "ec2/internetGateway:InternetGateway": _ec2("internet-gateway", "igw"),
    "ec2/route:Route": {"id": "r-{routeTableId}{destinationCidrBlock}", "origin": "CreateRoute", "state": "active"},
    "ec2/routeTable:RouteTable": _ec2("route-table", "rtb"),
    "ec2/routeTableAssociation:RouteTableAssociation": {"id": "rtbassoc-{hex17}"},
    "ec2/securityGroup:SecurityGroup": _ec2("security-group", "sg"),
    "ec2/subnet:Subnet": _ec2("subnet", "subnet"),
    "ec2/vpc:Vpc": {
        **_ec2("vpc", "vpc"),
        "defaultNetworkAclId": "acl-{hex17}",
        "defaultRouteTableId": "rtb-{hex17}",
        "mainRouteTableId": "{defaultRouteTableId}",
        "defaultSecurityGroupId": "sg-{hex17}",
        "dhcpOptionsId": "dopt-{hex17}",
    },
    "ec2/vpcEndpoint:VpcEndpoint": {**_ec2("vpc-endpoint", "vpce"), "state": "available", "prefixListId": "pl-{hex8}"},
    "ecr/lifecyclePolicy:LifecyclePolicy": {"id": "{repository}", "registryId": "{account}"},
    "ecr/repository:Repository": {
        **_named("ecr", "repository/{name}"),
        "registryId": "{account}",
        "repositoryUrl": "{account}.dkr.ecr.{region}.amazonaws.com/{name}",
    },
    "ecs/cluster:Cluster": _by_arn("ecs", "cluster/{name}"),
    "ecs/service:Service": {"id": _service_id, "arn": "{id}"},
    "ecs/taskDefinition:TaskDefinition": {
        "revision": _revision,
        "arnWithoutRevision": _arn("ecs", "task-definition/{family}"),
        "arn": "{arnWithoutRevision}:{revision}",
        "id": "{arn}",
    },
    "iam/role:Role": {
        "id": "{name}",
        "arn": "arn:aws:iam::{account}:role/{name}",
        "uniqueId": "AROA{hex17}",
        "createDate": TIME,
    },
    "iam/rolePolicy:RolePolicy": {"name": "{name}", "id": "{role}:{name}"},
    "kms/alias:Alias": {
        **_named("kms", "{name}"),
        "targetKeyArn": _arn("kms", "key/{targetKeyId}"),
    },
    "kms/key:Key": {"id": "{uuid}", "keyId": "{id}", "arn": _arn("kms", "key/{id}")},
    "kms/keyPolicy:KeyPolicy": {"id": "{keyId}"},
    "lb/listener:Listener": {"id": _listener_id, "arn": "{id}"},
    "lb/loadBalancer:LoadBalancer": {
        **_by_arn(_LOAD_BALANCING, "loadbalancer/app/{name}/{hex16}"),
        "arnSuffix": lambda balancer: balancer.text("arn").partition(":loadbalancer/")[2] or UNKNOWN,
        "dnsName": "{name}-{digits10}.{region}.elb.amazonaws.com",
        "zoneId": "Z{hex13}",
        "vpcId": "",
    },
    "lb/targetGroup:TargetGroup": {
        **_by_arn(_LOAD_BALANCING, "targetgroup/{name}/{hex16}"),
        "arnSuffix": lambda group: "targetgroup/" + group.text("arn").partition(":targetgroup/")[2],
    },
    # The id of an instance is its resource id (github.com/hashicorp/terraform-provider-aws/pull/31232).
    "rds/instance:Instance": {
        "id": "db-{hex26}",
        "resourceId": "{id}",
        "arn": _arn("rds", "db:{identifier}"),
        "address": "{identifier}.{hex12}.{region}.rds.amazonaws.com",
        "endpoint": "{address}:{port}",
        "hostedZoneId": "Z{hex13}",
        "masterUserSecrets": _master_secrets,
        "status": "available",
    },
    "rds/parameterGroup:ParameterGroup": _named("rds", "pg:{name}"),
    "rds/subnetGroup:SubnetGroup": _named("rds", "subgrp:{name}"),
    "route53/record:Record": {"id": "{zoneId}_{name}_{type}", "fqdn": "{name}"},
    "s3/bucket:Bucket": {
        "id": "{bucket}",
        "arn": "arn:aws:s3:::{bucket}",
        "bucketDomainName": "{bucket}.s3.amazonaws.com",
        "bucketRegionalDomainName": "{bucket}.s3.{region}.amazonaws.com",
        "bucketRegion": "{region}",
    },
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _OF_A_BUCKET,
    "s3/bucketOwnershipControls:BucketOwnershipControls": _OF_A_BUCKET,
    "s3/bucketPolicy:BucketPolicy": _OF_A_BUCKET,
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _OF_A_BUCKET,
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _OF_A_BUCKET,
    "s3/bucketVersioning:BucketVersioning": _OF_A_BUCKET,
    "scheduler/schedule:Schedule": {
        "groupName": "{groupName}",
        "id": "{groupName}/{name}",
        "arn": _arn("scheduler", "schedule/{groupName}/{name}"),
    },
    "sns/topic:Topic": {**_by_arn("sns", "{name}"), "owner": "{account}"},
    "sns/topicPolicy:TopicPolicy": {"id": "{arn}", "owner": "{account}"},
    "sns/topicSubscription:TopicSubscription": {
        "id": "{topic}:{uuid}",
        "arn": "{id}",
        "pendingConfirmation": True,
    },
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": _RULE,
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": _RULE,
}
