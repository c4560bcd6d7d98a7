from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pulumi_policy import PolicyCustomTimeouts, PolicyResource, PolicyResourceOptions, StackValidationArgs

from policy.rules.public_storage import BUCKET, BUCKET_COMPANIONS, BUCKET_GUARDS, PUBLIC_STORAGE, TABLE

SWITCHES = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
BLOCK: dict[str, bool | None] = dict.fromkeys(SWITCHES, True)
SOMEONE = "serviceAccount:api@example.iam.gserviceaccount.com"


def _policy(**statement: Any) -> dict[str, Any]:
    return {"policy": json.dumps({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", **statement}]})}


PASSES: list[tuple[str, dict[str, Any]]] = [
    ("azure-native:storage:StorageAccount", {"allowBlobPublicAccess": False}),
    ("azure-native:storage:BlobContainer", {}),
    ("azure-native:storage:BlobContainer", {"publicAccess": "None"}),
    ("azure-native:dbforpostgresql:Server", {"network": {"publicNetworkAccess": "Disabled"}}),
    ("azure-native:dbforpostgresql:Server", {"network": {"delegatedSubnetResourceId": "/subscriptions/s/…"}}),
    ("aws:s3/bucket:Bucket", {}),
    ("aws:s3/bucket:Bucket", {"acl": "private"}),
    ("aws:s3/bucketAcl:BucketAcl", {"acl": "log-delivery-write"}),
    ("aws:s3/bucketPolicy:BucketPolicy", _policy(Principal={"AWS": "arn:aws:iam::123456789012:role/api"})),
    ("aws:s3/bucketPolicy:BucketPolicy", _policy(Effect="Deny", Principal="*")),
    (
        "aws:s3/bucketPolicy:BucketPolicy",
        _policy(Principal="*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}}),
    ),
    ("aws:kms/key:Key", {}),
    ("aws:kms/keyPolicy:KeyPolicy", _policy(Principal={"AWS": "arn:aws:iam::123456789012:root"})),
    ("aws:sns/topicPolicy:TopicPolicy", _policy(Principal={"Service": "cloudwatch.amazonaws.com"})),
    ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", BLOCK),
    ("aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock", BLOCK),
    ("aws:rds/instance:Instance", {}),
    ("gcp:storage/bucket:Bucket", {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": True}),
    ("gcp:sql/databaseInstance:DatabaseInstance", {"settings": {"ipConfiguration": {"ipv4Enabled": False}}}),
    *(
        (kind, {"member": SOMEONE} if kind.endswith("Member") else {"members": [SOMEONE]})
        for kind in TABLE
        if kind.endswith(("IamMember", "IAMMember", "IamBinding", "IAMBinding"))
    ),
]

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("azure-native:storage:StorageAccount", {}, "allowBlobPublicAccess is not set"),
    ("azure-native:storage:StorageAccount", {"allowBlobPublicAccess": True}, "set it to false"),
    ("azure-native:storage:BlobContainer", {"publicAccess": "Blob"}, 'publicAccess is "Blob"'),
    ("azure-native:dbforpostgresql:Server", {}, "network.publicNetworkAccess is not set"),
    (
        "azure-native:dbforpostgresql:Server",
        {"network": {"publicNetworkAccess": "Enabled"}},
        'publicNetworkAccess is "Enabled": the database would have an address on the internet',
    ),
    ("aws:s3/bucket:Bucket", {"acl": "public-read"}, 'acl is "public-read"'),
    ("aws:s3/bucket:Bucket", _policy(Principal={"AWS": ["*"]}), 'policy allows Principal "*"'),
    ("aws:s3/bucketAcl:BucketAcl", {"acl": "authenticated-read"}, 'acl is "authenticated-read"'),
    ("aws:s3/bucketPolicy:BucketPolicy", _policy(Principal="*"), 'policy allows Principal "*"'),
    *(
        ("aws:s3/bucketPolicy:BucketPolicy", _policy(Principal="*", Condition=condition), 'policy allows Principal "*"')
        for condition in (
            {"Bool": {"aws:SecureTransport": "true"}},
            {"StringLike": {"aws:PrincipalArn": "*"}},
            {"StringNotEquals": {"aws:SourceAccount": "123456789012"}},
        )
    ),
    ("aws:kms/key:Key", _policy(Principal={"AWS": "*"}), 'policy allows Principal "*"'),
    ("aws:kms/keyPolicy:KeyPolicy", _policy(Principal="*"), 'policy allows Principal "*"'),
    (
        "aws:sns/topicPolicy:TopicPolicy",
        {"policy": json.dumps({"Statement": {"Effect": "Allow", "Principal": "*"}})},
        'policy allows Principal "*"',
    ),
    (
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        {**BLOCK, "ignorePublicAcls": False},
        "ignorePublicAcls is false",
    ),
    (
        "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock",
        {**BLOCK, "blockPublicPolicy": None},
        "blockPublicPolicy is not set",
    ),
    ("aws:rds/instance:Instance", {"publiclyAccessible": True}, "publiclyAccessible is true"),
    ("gcp:storage/bucket:Bucket", {"uniformBucketLevelAccess": True}, 'set it to "enforced"'),
    ("gcp:storage/bucket:Bucket", {"publicAccessPrevention": "enforced"}, "uniformBucketLevelAccess is not set"),
    ("gcp:sql/databaseInstance:DatabaseInstance", {"settings": {"tier": "db-f1-micro"}}, "ipv4Enabled is not set"),
    (
        "gcp:sql/databaseInstance:DatabaseInstance",
        {"settings": {"ipConfiguration": {"ipv4Enabled": True}}},
        "ipv4Enabled is true: without a word it has an address on the internet; set it to false",
    ),
    *(
        (
            kind,
            {"member": "allUsers"} if kind.endswith("Member") else {"members": [SOMEONE, "allAuthenticatedUsers"]},
            "anyone on the internet",
        )
        for kind in TABLE
        if kind.endswith(("IamMember", "IAMMember", "IamBinding", "IAMBinding"))
    ),
]


@pytest.mark.parametrize(("kind", "inputs"), PASSES)
def test_storage_for_named_readers_passes(judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any]) -> None:
    assert judge(PUBLIC_STORAGE, kind, inputs) == []


@pytest.mark.parametrize(("kind", "inputs", "words"), REFUSED)
def test_storage_for_everyone_is_refused(
    judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any], words: str
) -> None:
    [message] = judge(PUBLIC_STORAGE, kind, inputs)
    assert words in message


def test_every_type_of_the_table_was_passed_and_refused() -> None:
    assert {kind for kind, _ in PASSES} == {kind for kind, _, _ in REFUSED} == set(TABLE)


def _resource(kind: str, name: str, bucket: PolicyResource | None = None) -> PolicyResource:
    options = PolicyResourceOptions(False, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])
    dependencies = {"bucket": [bucket]} if bucket else {}
    return PolicyResource(kind, {}, f"urn:{kind}::{name}", name, options, None, None, [], dependencies)


def _guard(resources: list[PolicyResource]) -> list[tuple[str, str | None]]:
    violations: list[tuple[str, str | None]] = []

    def report(message: str, urn: str | None = None) -> None:
        violations.append((message, urn))

    BUCKET_GUARDS.validate(StackValidationArgs(resources), report)
    return violations


def test_a_bucket_with_its_companions_passes() -> None:
    bucket = _resource(BUCKET, "artifacts")
    assert _guard([bucket, *(_resource(kind, "it", bucket) for kind in BUCKET_COMPANIONS)]) == []


@pytest.mark.parametrize("missing", BUCKET_COMPANIONS)
def test_a_bucket_without_one_of_its_companions_is_refused_though_another_bucket_has_it(missing: str) -> None:
    bucket, other = _resource(BUCKET, "artifacts"), _resource(BUCKET, "other")
    present = [_resource(kind, "it", bucket) for kind in BUCKET_COMPANIONS if kind != missing]
    others = [_resource(kind, "it", other) for kind in BUCKET_COMPANIONS]
    [(message, urn)] = _guard([bucket, other, *present, *others])
    assert message.startswith(f"artifacts ({BUCKET}): has no {missing.rpartition(':')[2]}: ")
    assert urn == bucket.urn
