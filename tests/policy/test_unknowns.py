"""A preview that does not know a value yet: neither passed nor refused, and nothing else is hidden by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pulumi_policy import ResourceValidationPolicy
from pulumi_policy.proxy import UNKNOWN_ARRAY_VALUE, UNKNOWN_OBJECT_VALUE, UNKNOWN_STRING_VALUE, UnknownValueError

from policy.rules import RULES
from policy.rules.encryption import ENCRYPTION
from policy.rules.images import IMAGES
from policy.rules.ingress import INGRESS
from policy.rules.public_storage import PUBLIC_STORAGE
from policy.rules.retention import RETENTION
from policy.rules.secret_environment import SECRET_ENVIRONMENT
from policy.rules.tags import TAGS
from policy.rules.tls import TLS

APP = "azure-native:app:ContainerApp"
RULE = "azure-native:network:SecurityRule"
BUCKET = "aws:s3/bucket:Bucket"
UNKNOWN = UNKNOWN_STRING_VALUE
INBOUND = {"direction": "Inbound", "access": "Allow"}

UNDECIDED: list[tuple[ResourceValidationPolicy, str, dict[str, Any], str]] = [
    (IMAGES, APP, {"template": {"containers": [{"image": UNKNOWN}]}}, "template.containers.0.image"),
    (IMAGES, APP, {"template": UNKNOWN_OBJECT_VALUE}, "template"),
    (IMAGES, "aws:ecs/taskDefinition:TaskDefinition", {"containerDefinitions": UNKNOWN}, "containerDefinitions"),
    (INGRESS, RULE, {**INBOUND, "sourceAddressPrefix": UNKNOWN}, "sourceAddressPrefix"),
    (INGRESS, RULE, {**INBOUND, "sourceAddressPrefix": "*", "destinationPortRange": UNKNOWN}, "destinationPortRange"),
    (INGRESS, "aws:ec2/securityGroup:SecurityGroup", {"ingress": UNKNOWN_ARRAY_VALUE}, "ingress"),
    (PUBLIC_STORAGE, "aws:s3/bucketPolicy:BucketPolicy", {"policy": UNKNOWN}, "policy"),
    (SECRET_ENVIRONMENT, APP, {"template": {"containers": [{"env": [{"name": "X_TOKEN", "value": UNKNOWN}]}]}}, "env"),
    (SECRET_ENVIRONMENT, "docker:index/container:Container", {"envs": [UNKNOWN]}, "envs.0"),
    (TAGS, BUCKET, {"tags": UNKNOWN_OBJECT_VALUE}, "tags"),
    (TLS, "aws:lb/listener:Listener", {"protocol": "HTTPS", "sslPolicy": UNKNOWN}, "sslPolicy"),
    (RETENTION, "aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": UNKNOWN}, "retentionInDays"),
]


@pytest.mark.parametrize(("rule", "kind", "inputs", "path"), UNDECIDED)
def test_an_unknown_value_leaves_the_rule_undecided_and_is_named(
    judge: Callable[..., list[str]], rule: ResourceValidationPolicy, kind: str, inputs: dict[str, Any], path: str
) -> None:
    violations: list[str] = []
    with pytest.raises(UnknownValueError) as error:
        judge(rule, kind, inputs, violations=violations)
    assert path in error.value.message
    assert violations == []


def test_what_is_known_beside_an_unknown_value_is_still_refused(judge: Callable[..., list[str]]) -> None:
    containers = [{"image": UNKNOWN}, {"image": "agent:latest"}]
    violations: list[str] = []
    with pytest.raises(UnknownValueError):
        judge(IMAGES, APP, {"template": {"containers": containers}}, violations=violations)
    [message] = violations
    assert 'template.containers[1].image is "agent:latest"' in message


def test_a_secret_beside_one_with_an_unknown_value_is_still_refused(judge: Callable[..., list[str]]) -> None:
    secrets = [{"name": "agent-configuration", "value": UNKNOWN}, {"name": "api-token", "value": "hunter2"}]
    violations: list[str] = []
    with pytest.raises(UnknownValueError):
        judge(SECRET_ENVIRONMENT, APP, {"configuration": {"secrets": secrets}}, violations=violations)
    [message] = violations
    assert "configuration.secrets[1] (api_token, 7 characters)" in message


def test_one_known_open_source_among_unknown_ones_is_refused_without_doubt(judge: Callable[..., list[str]]) -> None:
    inputs = {**INBOUND, "sourceAddressPrefixes": [UNKNOWN, "Internet"], "destinationPortRange": "22"}
    [message] = judge(INGRESS, RULE, inputs)
    assert "lets Internet in on port 22" in message


def test_an_unknown_source_that_is_no_longer_asked_for_does_not_matter(judge: Callable[..., list[str]]) -> None:
    assert judge(INGRESS, RULE, {**INBOUND, "direction": "Outbound", "sourceAddressPrefix": UNKNOWN}) == []


def test_a_reference_to_a_vault_whose_address_is_unknown_passes(judge: Callable[..., list[str]]) -> None:
    secrets = [{"name": "api-token", "keyVaultUrl": UNKNOWN, "identity": UNKNOWN}]
    containers = [{"env": [{"name": "API_TOKEN", "secretRef": "api-token"}]}]
    inputs = {"configuration": {"secrets": secrets}, "template": {"containers": containers}}
    assert judge(SECRET_ENVIRONMENT, APP, inputs) == []


def test_a_value_that_only_has_to_be_there_may_be_unknown(judge: Callable[..., list[str]]) -> None:
    assert judge(ENCRYPTION, "aws:sns/topic:Topic", {"kmsMasterKeyId": UNKNOWN}) == []
    tags = dict.fromkeys(("project", "stack", "environment", "managed-by"), UNKNOWN)
    assert judge(TAGS, BUCKET, {"tags": tags}) == []


def test_protection_is_an_option_and_never_unknown(judge: Callable[..., list[str]]) -> None:
    [message] = judge(RETENTION, BUCKET, {"bucket": UNKNOWN})
    assert "protect is false" in message


@pytest.mark.parametrize("rule", [rule for rule in RULES if isinstance(rule, ResourceValidationPolicy)])
def test_no_rule_looks_at_a_type_that_it_does_not_know(
    judge: Callable[..., list[str]], rule: ResourceValidationPolicy
) -> None:
    assert judge(rule, "mlplatform:aws:Network", {"anything": UNKNOWN, "image": "x:latest"}) == []
