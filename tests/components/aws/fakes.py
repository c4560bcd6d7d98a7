"""AWS's part in the contract suite: what AWS would answer, and how to read what it was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from components.aws import tasks
from tests.components.contract import Service
from tests.components.harness import Registered, Run

ACCOUNT = "123456789012"
REGION = "eu-west-1"
WORKSPACE = "ws-0f1e2d3c"
HOLDS_DATA = (
    "aws:s3/bucket:Bucket",
    "aws:ecr/repository:Repository",
    "aws:amp/workspace:Workspace",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:kms/key:Key",
    "aws:rds/instance:Instance",
)
ON_EVERYTHING = {
    "ecr:GetAuthorizationToken": "names no repository",
    "logs:DescribeLogGroups": "names no group",
    "ecs:TagResource": "only while running a task",
    "kms:Decrypt": "only for the secrets named",
}
"""Actions that may be allowed on every resource, and why."""


def arn(service: str, rest: str) -> str:
    """An ARN of the account and region of these tests."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


DATABASE_SECRET = arn("secretsmanager", "secret:rds!db-1-AbCdEf")


def outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """ARNs and addresses in the form that AWS gives them."""
    short = type_.removeprefix("aws:")
    if short == "kms/key:Key":
        return {"arn": arn("kms", f"key/{name}"), "keyId": name}
    if short == "cloudwatch/logGroup:LogGroup":
        return {"arn": arn("logs", f"log-group:{inputs['name']}")}
    if short == "s3/bucket:Bucket":
        return {"arn": f"arn:aws:s3:::{inputs['bucket']}"}
    if short == "ecr/repository:Repository":
        return {
            "arn": arn("ecr", f"repository/{inputs['name']}"),
            "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{inputs['name']}",
        }
    if short == "amp/workspace:Workspace":
        address = f"https://aps-workspaces.{REGION}.amazonaws.com/workspaces/{WORKSPACE}/"
        return {"arn": arn("aps", f"workspace/{WORKSPACE}"), "prometheusEndpoint": address}
    if short == "lb/loadBalancer:LoadBalancer":
        return {"dnsName": f"{inputs['name']}-1.{REGION}.elb.amazonaws.com", "arnSuffix": f"app/{inputs['name']}/1"}
    if short == "lb/targetGroup:TargetGroup":
        return {"arnSuffix": f"targetgroup/{inputs['name']}/1"}
    if short == "ecs/taskDefinition:TaskDefinition":
        return {"arn": arn("ecs", f"task-definition/{inputs['family']}:1")}
    if short == "iam/role:Role":
        return {"arn": f"arn:aws:iam::{ACCOUNT}:role/{inputs['name']}"}
    if short == "rds/instance:Instance":
        address = f"{inputs['identifier']}.c0ffee.{REGION}.rds.amazonaws.com"
        return {"address": address, "masterUserSecrets": [{"secretArn": DATABASE_SECRET, "secretStatus": "active"}]}
    if short == "acm/certificate:Certificate":
        proof = {"resourceRecordName": "_1.x", "resourceRecordType": "CNAME", "resourceRecordValue": "_2.y"}
        return {"domainValidationOptions": [{"domainName": inputs["domainName"], **proof}]}
    if type_ == "docker-build:index:Image" and "agent" in name:
        return {"digest": f"sha256:{'e' * 64}"}
    return {}


def call(token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nothing is looked up."""
    raise AssertionError(f"{token} was called with {arguments}")


def containers(definition: Registered) -> dict[str, dict[str, Any]]:
    """The containers of a task definition by name."""
    found = cast(list[dict[str, Any]], json.loads(definition.inputs["containerDefinitions"]))
    return {container["name"]: container for container in found}


def services(run: Run) -> Sequence[Service]:
    """One ECS service per release, and what the load balancer does with it."""
    entrance = next(listener for listener in run.of("lb/listener:Listener") if listener.name == "compute-entrance")
    targets: list[dict[str, Any]] = entrance.inputs["defaultActions"][-1]["forward"]["targetGroups"]
    found: list[Service] = []
    for index, slot in enumerate(("stable", "candidate")):
        if not [service for service in run.of("ecs/service:Service") if service.name == f"compute-{slot}"]:
            continue
        definition = containers(run.one("ecs/taskDefinition:TaskDefinition", slot))
        service, agent = definition[tasks.SERVICE], definition[tasks.AGENT]
        scaling = run.one("appautoscaling/target:Target", slot).inputs
        group = run.one("lb/targetGroup:TargetGroup", slot).inputs
        readiness = group["healthCheck"]["path"]
        stop = min(int(service["stopTimeout"]), int(group["deregistrationDelay"]))
        probe = service["healthCheck"]["command"][-1]
        found.append(
            Service(
                slot=slot,
                image=service["image"],
                env={entry["name"]: entry["value"] for entry in service["environment"]},
                secrets={entry["name"]: entry["valueFrom"] for entry in service["secrets"]},
                public_ports=tuple(int(mapping["containerPort"]) for mapping in service["portMappings"]),
                startup=readiness,
                readiness=readiness,
                liveness=probe.partition("127.0.0.1:8000")[2].partition("'")[0],
                grace_seconds=stop,
                min_replicas=int(scaling["minCapacity"]),
                max_replicas=int(scaling["maxCapacity"]),
                agent_image=agent["image"],
                weight=int(targets[index]["weight"]),
            )
        )
    return found


def training_variables(run: Run) -> Mapping[str, Any]:
    """Of the task's only container."""
    (container,) = containers(run.one("ecs/taskDefinition:TaskDefinition", "training")).values()
    return {entry["name"]: entry["value"] for entry in container["environment"]}


def statements(run: Run, role: str = "") -> list[dict[str, Any]]:
    """What the roles whose name contains ``role`` may do."""
    found = [policy for policy in run.of("iam/rolePolicy:RolePolicy") if role in policy.name]
    assert found, role
    return [statement for policy in found for statement in json.loads(policy.inputs["policy"])["Statement"]]


def excessive_rights(run: Run) -> Sequence[str]:
    """Wildcards in actions, everything as the resource where it is not needed, managed policies, open trust."""
    found: list[str] = []
    for statement in statements(run):
        for action in statement["Action"]:
            if "*" in action:
                found.append(f"{action} is a wildcard")
            if statement["Resource"] == "*" and action not in ON_EVERYTHING:
                found.append(f"{action} on everything")
            if action == "kms:Decrypt" and statement["Resource"] == "*" and "Condition" not in statement:
                found.append("kms:Decrypt without a condition")
    found += _of_the_store(run)
    for role in run.of("iam/role:Role"):
        for statement in json.loads(role.inputs["assumeRolePolicy"])["Statement"]:
            if set(statement["Principal"]) != {"Service"}:
                found.append(f"{role.name} may be taken by {statement['Principal']}")
    found += [resource.urn for resource in run.resources if "PolicyAttachment" in resource.type]
    return found


def _of_the_store(run: Run) -> Sequence[str]:
    """Rights to the tracking store that are not its server's, and of the server to anything else."""
    bucket = outputs("aws:s3/bucket:Bucket", "", run.one("s3/bucket:Bucket", "tracking").inputs)["arn"]
    key = outputs("aws:kms/key:Key", "account", {})["arn"]
    found: list[str] = []
    for policy in run.of("iam/rolePolicy:RolePolicy"):
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            resource = statement["Resource"]
            if policy.name == "tracking-server":
                if resource not in (DATABASE_SECRET, bucket, f"{bucket}/*", key):
                    found.append(f"the tracking server may {statement['Action']} {resource}")
            elif any(text in str(resource) for text in (bucket, "arn:aws:s3:::*", DATABASE_SECRET)):
                found.append(f"{policy.name} may {statement['Action']} {resource}")
            elif "s3:DeleteObject" in statement["Action"]:
                found.append(f"{policy.name} may delete")
    return found


def data(run: Run) -> Sequence[str]:
    """The buckets, the repositories, the workspace, the log groups, the database and the key."""
    return [resource.urn for resource in run.resources if resource.type in HOLDS_DATA]
