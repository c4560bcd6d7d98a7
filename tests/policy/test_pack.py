"""The pack as the engine runs it: a process of its own that is asked over gRPC."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as api
from pulumi.runtime.proto import analyzer_pb2_grpc
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

PACK = Path(__file__).parents[2] / "policy"
BUCKET = "aws:s3/bucket:Bucket"
TAGS = {"project": "mlplatform", "stack": "aws-dev", "environment": "dev", "managed-by": "pulumi"}


@pytest.fixture
def analyzer() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """A client of the pack, started from another directory as the language host does it."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/", env=environment) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield analyzer_pb2_grpc.AnalyzerStub(channel)
        finally:
            process.terminate()


def _request(kind: str, inputs: dict[str, Any], *, protect: bool = False, stack: str = "aws-dev") -> api.AnalyzeRequest:
    properties = struct_pb2.Struct()
    properties.update(inputs)
    return api.AnalyzeRequest(
        type=kind,
        properties=properties,
        urn=f"urn:pulumi:{stack}::mlplatform::{kind}::it",
        name="it",
        options=api.AnalyzerResourceOptions(protect=protect),
    )


def _violations(response: api.AnalyzeResponse) -> dict[str, str]:
    """The messages of the blocking diagnostics by rule."""
    return {
        found.policyName: found.message for found in response.diagnostics if found.enforcementLevel == api.MANDATORY
    }


def test_every_rule_is_announced_as_mandatory_with_a_description(analyzer: analyzer_pb2_grpc.AnalyzerStub) -> None:
    info = analyzer.GetAnalyzerInfo(empty_pb2.Empty())
    assert info.name == "mlplatform"
    assert {policy.name for policy in info.policies} == {
        "no-mutable-image-tags",
        "no-public-storage",
        "s3-bucket-guards",
        "no-registry-admin-user",
        "encryption-at-rest",
        "tls-1-2",
        "no-open-ingress",
        "required-tags",
        "replicas-in-production",
        "data-is-kept",
        "no-plain-secrets",
    }
    assert {policy.enforcementLevel for policy in info.policies} == {api.MANDATORY}
    assert all(policy.description and policy.severity for policy in info.policies)


def test_a_resource_is_refused_by_each_rule_it_breaks_and_passes_when_mended(
    analyzer: analyzer_pb2_grpc.AnalyzerStub,
) -> None:
    broken = _violations(analyzer.Analyze(_request(BUCKET, {"acl": "public-read", "tags": {"stack": "aws-dev"}})))
    assert set(broken) == {"no-public-storage", "required-tags", "data-is-kept"}
    assert f'it ({BUCKET}): acl is "public-read"' in broken["no-public-storage"]
    mended = analyzer.Analyze(_request(BUCKET, {"tags": TAGS}, protect=True))
    assert list(mended.diagnostics) == []


def test_numbers_and_lists_arrive_as_the_rules_expect_them(analyzer: analyzer_pb2_grpc.AnalyzerStub) -> None:
    ingress = {"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]}
    group = _request("aws:ec2/securityGroup:SecurityGroup", {"ingress": [ingress], "tags": TAGS})
    assert "lets 0.0.0.0/0 in on port 22-22" in _violations(analyzer.Analyze(group))["no-open-ingress"]
    service = _request("aws:ecs/service:Service", {"desiredCount": 1, "tags": TAGS}, stack="aws-prod")
    assert "desiredCount is 1: " in _violations(analyzer.Analyze(service))["replicas-in-production"]


def test_a_value_unknown_in_the_preview_gives_a_warning_that_names_it(
    analyzer: analyzer_pb2_grpc.AnalyzerStub,
) -> None:
    containers = [{"name": "agent", "image": "agent:v1"}, {"name": "api", "image": UNKNOWN_STRING_VALUE}]
    inputs = {"labels": TAGS, "template": {"containers": containers}}
    response = analyzer.Analyze(_request("gcp:cloudrunv2/service:Service", inputs))
    assert "template.containers[0].image" in _violations(response)["no-mutable-image-tags"]
    [warning] = [found for found in response.diagnostics if found.enforcementLevel == api.ADVISORY]
    assert warning.policyName == "no-mutable-image-tags"
    assert "template.containers.1.image can't be known during preview" in warning.message


def test_the_required_tags_can_be_configured(analyzer: analyzer_pb2_grpc.AnalyzerStub) -> None:
    properties = struct_pb2.Struct()
    properties.update({"required": ["cost-center"]})
    config = api.PolicyConfig(enforcementLevel=api.MANDATORY, properties=properties)
    analyzer.Configure(api.ConfigureAnalyzerRequest(policyConfig={"required-tags": config}))
    response = analyzer.Analyze(_request(BUCKET, {"tags": TAGS}, protect=True))
    assert "tags lacks cost-center" in _violations(response)["required-tags"]


def test_a_bucket_without_its_companions_is_refused_for_the_whole_stack(
    analyzer: analyzer_pb2_grpc.AnalyzerStub,
) -> None:
    urn = f"urn:pulumi:aws-dev::mlplatform::{BUCKET}::artifacts"
    versioning = api.AnalyzerResource(
        type="aws:s3/bucketVersioning:BucketVersioning",
        urn="urn:pulumi:aws-dev::mlplatform::aws:s3/bucketVersioning:BucketVersioning::it",
        name="it",
        propertyDependencies={"bucket": api.AnalyzerPropertyDependencies(urns=[urn])},
    )
    bucket = api.AnalyzerResource(type=BUCKET, urn=urn, name="artifacts")
    found = analyzer.AnalyzeStack(api.AnalyzeStackRequest(resources=[bucket, versioning])).diagnostics
    missing = {diagnostic.message.partition("has no ")[2].partition(":")[0] for diagnostic in found}
    assert missing == {"BucketPublicAccessBlock", "BucketServerSideEncryptionConfiguration"}
    assert {diagnostic.urn for diagnostic in found} == {urn}
