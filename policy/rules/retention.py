"""Whatever holds data is kept: ``protect`` on it, or for logs a stated number of days.

Logs age out by design, so a stated retention is enough for them; a model, an image, a metric's history or a secret
that a plan replaces is lost, so those need ``protect``, which makes the engine refuse their deletion.
"""

from __future__ import annotations

from pulumi_policy import ResourceValidationArgs, Severity

from .check import Check, Table, resource_rule
from .property import Property, show


def _protected(_found: Property, args: ResourceValidationArgs) -> str | None:
    """Refuse a resource that the engine may delete."""
    if args.opts.protect:
        return None
    return (
        "protect is false: a change that replaces it, or a destroy, would delete the data it holds;"
        " pass opts=ResourceOptions(protect=True)"
    )


def _backed_up(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a database of which no past state can be brought back."""
    if (found.value or 0) > 0:
        return None
    return f"{found.path} is {show(found.value)}: what is overwritten would be lost; set it to a number of days"


def _kept_or_protected(found: Property, args: ResourceValidationArgs) -> str | None:
    """Refuse logs without a number of days, unless they are protected."""
    if args.opts.protect or (found.value or 0) > 0:
        return None
    return (
        f"{found.path} is {show(found.value)} and protect is false: nobody decided how long the logs are kept;"
        f" set {found.path} to a number of days, or protect it"
    )


PROTECTED = (
    "azure-native:containerregistry:Registry",
    "azure-native:keyvault:Vault",
    "azure-native:monitor:AzureMonitorWorkspace",
    "azure-native:resources:ResourceGroup",  # its deletion takes along everything in it
    "azure-native:storage:BlobContainer",
    "azure-native:storage:StorageAccount",
    "azure-native:dbforpostgresql:Database",
    "azure-native:dbforpostgresql:Server",
    "azure-native:sql:Database",
    "aws:amp/workspace:Workspace",
    "aws:dynamodb/table:Table",
    "aws:ecr/repository:Repository",
    "aws:efs/fileSystem:FileSystem",
    "aws:kms/key:Key",
    "aws:rds/cluster:Cluster",
    "aws:rds/instance:Instance",
    "aws:s3/bucket:Bucket",
    "aws:secretsmanager/secret:Secret",
    "gcp:artifactregistry/repository:Repository",
    "gcp:bigquery/dataset:Dataset",
    "gcp:kms/cryptoKey:CryptoKey",
    "gcp:kms/keyRing:KeyRing",
    "gcp:secretmanager/secret:Secret",
    "gcp:sql/database:Database",
    "gcp:sql/databaseInstance:DatabaseInstance",
    "gcp:storage/bucket:Bucket",
    "docker:index/volume:Volume",
)

TABLE: Table = {
    **dict.fromkeys(PROTECTED, (Check("", _protected),)),
    "aws:rds/instance:Instance": (Check("", _protected), Check("backupRetentionPeriod", _backed_up)),
    "gcp:sql/databaseInstance:DatabaseInstance": (
        Check("", _protected),
        Check("settings.backupConfiguration.transactionLogRetentionDays", _backed_up),
    ),
    "azure-native:operationalinsights:Workspace": (Check("retentionInDays", _kept_or_protected),),
    "aws:cloudwatch/logGroup:LogGroup": (Check("retentionInDays", _kept_or_protected),),
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": (Check("retentionDays", _kept_or_protected),),
}

RETENTION = resource_rule(
    "data-is-kept",
    "What holds data is protected from deletion, and logs are kept for a stated time.",
    TABLE,
    Severity.CRITICAL,
)
