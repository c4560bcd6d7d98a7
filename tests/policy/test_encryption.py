from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policy.rules.encryption import ENCRYPTION, TABLE

SSE = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"


def _sse(algorithm: str) -> dict[str, Any]:
    return {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm}}]}


def _services(**blob: Any) -> dict[str, Any]:
    return {"encryption": {"services": {"blob": blob}}}


PASSES: list[tuple[str, dict[str, Any]]] = [
    ("azure-native:storage:StorageAccount", {}),
    ("azure-native:storage:StorageAccount", _services(enabled=True)),
    (SSE, _sse("AES256")),
    (SSE, _sse("aws:kms")),
    ("aws:sns/topic:Topic", {"kmsMasterKeyId": "alias/alerts"}),
    ("aws:sqs/queue:Queue", {}),
    ("aws:kms/key:Key", {"enableKeyRotation": True}),
    ("gcp:kms/cryptoKey:CryptoKey", {"rotationPeriod": "7776000s"}),
    ("aws:rds/instance:Instance", {"storageEncrypted": True}),
    ("aws:rds/cluster:Cluster", {"storageEncrypted": True}),
    ("aws:efs/fileSystem:FileSystem", {"encrypted": True}),
    ("aws:ebs/volume:Volume", {"encrypted": True}),
]

REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("azure-native:storage:StorageAccount", _services(enabled=False), "encryption.services.blob.enabled is false"),
    (
        "azure-native:storage:StorageAccount",
        {"encryption": {"services": {"file": {"enabled": False}}}},
        "encryption.services.file.enabled is false",
    ),
    (SSE, _sse("none"), 'sseAlgorithm is "none"'),
    (SSE, {"rules": [{"bucketKeyEnabled": True}]}, "sseAlgorithm is not set"),
    ("aws:sns/topic:Topic", {}, "kmsMasterKeyId is not set"),
    ("aws:sqs/queue:Queue", {"sqsManagedSseEnabled": False}, "sqsManagedSseEnabled is false"),
    ("aws:kms/key:Key", {}, "enableKeyRotation is not set"),
    ("gcp:kms/cryptoKey:CryptoKey", {}, "rotationPeriod is not set"),
    ("aws:rds/instance:Instance", {}, "storageEncrypted is not set"),
    ("aws:rds/cluster:Cluster", {"storageEncrypted": False}, "storageEncrypted is false"),
    ("aws:efs/fileSystem:FileSystem", {}, "encrypted is not set"),
    ("aws:ebs/volume:Volume", {"encrypted": False}, "encrypted is false"),
]


@pytest.mark.parametrize(("kind", "inputs"), PASSES)
def test_what_is_encrypted_at_rest_passes(judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any]) -> None:
    assert judge(ENCRYPTION, kind, inputs) == []


@pytest.mark.parametrize(("kind", "inputs", "words"), REFUSED)
def test_what_would_be_stored_in_plain_is_refused(
    judge: Callable[..., list[str]], kind: str, inputs: dict[str, Any], words: str
) -> None:
    [message] = judge(ENCRYPTION, kind, inputs)
    assert words in message


def test_every_type_of_the_table_was_passed_and_refused() -> None:
    assert {kind for kind, _ in PASSES} == {kind for kind, _, _ in REFUSED} == set(TABLE)
