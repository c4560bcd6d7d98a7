"""Encryption at rest, for the types where it can be off.

Left out because the cloud encrypts them always and offers no switch: Google's storage, registries, secrets, databases
and logs, Azure's registries, vaults, workspaces and PostgreSQL servers, and on AWS S3 objects, ECR, CloudWatch logs,
Secrets Manager, AMP, DynamoDB.
"""

from pulumi_policy import Severity

from .check import Table, must_be, must_be_set, resource_rule

_ENCRYPTED = must_be("encrypted", True, why="the disk would be written in plain")
_STORAGE_ENCRYPTED = must_be("storageEncrypted", True, why="data and snapshots would be written in plain")
_ROTATION = "one leaked key would open all data for ever"
_PLAIN = "objects would be written in plain"

TABLE: Table = {
    "azure-native:storage:StorageAccount": (
        must_be("encryption.services.blob.enabled", True, why=_PLAIN, unset_is_fine=True),
        must_be("encryption.services.file.enabled", True, why=_PLAIN, unset_is_fine=True),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        must_be(
            "rules.*.applyServerSideEncryptionByDefault.sseAlgorithm", "AES256", "aws:kms", "aws:kms:dsse", why=_PLAIN
        ),
    ),
    "aws:sns/topic:Topic": (must_be_set("kmsMasterKeyId", "topics are not encrypted unless a key is named"),),
    "aws:sqs/queue:Queue": (
        must_be("sqsManagedSseEnabled", True, why="messages would be written in plain", unset_is_fine=True),
    ),
    "aws:kms/key:Key": (must_be("enableKeyRotation", True, why=_ROTATION),),
    "gcp:kms/cryptoKey:CryptoKey": (must_be_set("rotationPeriod", _ROTATION),),
    "aws:rds/instance:Instance": (_STORAGE_ENCRYPTED,),
    "aws:rds/cluster:Cluster": (_STORAGE_ENCRYPTED,),
    "aws:efs/fileSystem:FileSystem": (_ENCRYPTED,),
    "aws:ebs/volume:Volume": (_ENCRYPTED,),
}

ENCRYPTION = resource_rule("encryption-at-rest", "What is stored is encrypted at rest.", TABLE, Severity.HIGH)
