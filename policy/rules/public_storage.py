"""No public storage: nothing that is stored can be read by someone who has not said who they are."""

from __future__ import annotations

from pulumi_policy import ReportViolation, ResourceValidationArgs, Severity, StackValidationArgs, StackValidationPolicy

from .check import Check, Table, must_be, resource_rule
from .property import Property, show

EVERYONE = {"allUsers", "allAuthenticatedUsers"}
BUCKET = "aws:s3/bucket:Bucket"
BUCKET_COMPANIONS = {
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "its objects could be made public one by one",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "nothing states which key encrypts it"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": "an overwritten or deleted object is lost",
}


def _not_everyone(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a grant to Google's names for anyone at all."""
    if (everyone := found.first(EVERYONE.__contains__)) is None:
        return None
    return f"{found.path} names {show(everyone)}: that is anyone on the internet; grant it to an account by name"


def _private_acl(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse the canned lists that grant to everyone or to every AWS account."""
    if not str(found.value).startswith(("public-", "authenticated-")):
        return None
    return f"{found.path} is {show(found.value)}: it grants access to strangers; leave it out and use a bucket policy"


def _no_anonymous_statement(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a resource's own policy that allows every principal without a condition that says who."""
    statements = found.at("Statement")
    for statement in [statements] if statements.at("Effect").is_set else statements.select("*"):
        principals = [statement.at("Principal"), statement.at("Principal.AWS")]
        everyone = any(principal.first("*".__eq__) for principal in principals)
        if everyone and statement.at("Effect").value == "Allow" and not _says_who(statement.at("Condition")):
            return f'{found.path} allows Principal "*": that is anyone on the internet; name the roles that may'
    return None


# Keys of a condition that tie a request to somebody; aws:SecureTransport and the like tie it to nobody.
_WHO = (
    *(f"aws:{key}" for key in ("SourceArn", "SourceAccount", "SourceVpc", "SourceVpce", "SourceOrgID")),
    *(f"aws:{key}" for key in ("PrincipalArn", "PrincipalAccount", "PrincipalOrgID")),
    "kms:CallerAccount",
)


def _says_who(condition: Property) -> bool:
    """Whether a condition admits named callers only: a key of _WHO compared with something else than ``*``."""
    compared = [condition.at(operator) for operator in ("StringEquals", "StringLike", "ArnEquals", "ArnLike")]
    values = [operator.at(key) for operator in compared for key in _WHO]
    return any(value.is_set and not value.first("*".__eq__) for value in values)


def _private_server(found: Property, _args: ResourceValidationArgs) -> str | None:
    """Refuse a PostgreSQL server with an address on the internet, which one outside of a subnet has by default."""
    network = found.at("network")
    if network.at("delegatedSubnetResourceId").is_set or network.at("publicNetworkAccess").value == "Disabled":
        return None
    access = network.at("publicNetworkAccess")
    return (
        f"{access.path} is {show(access.value)}: the database would have an address on the internet;"
        ' set it to "Disabled" and give the server a private endpoint'
    )


_BLOCK = tuple(
    must_be(name, True, why="without it a bucket can be opened to everyone")
    for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
)
_POLICY = (Check("policy", _no_anonymous_statement),)
_MEMBER = (Check("member", _not_everyone),)
_MEMBERS = (Check("members", _not_everyone),)

TABLE: Table = {
    "azure-native:storage:StorageAccount": (
        must_be("allowBlobPublicAccess", False, why="a container could be opened to everyone"),
    ),
    "azure-native:storage:BlobContainer": (
        must_be("publicAccess", "None", why="anyone on the internet could read its blobs", unset_is_fine=True),
    ),
    "azure-native:dbforpostgresql:Server": (Check("", _private_server),),
    BUCKET: (Check("acl", _private_acl), Check("policy", _no_anonymous_statement)),
    "aws:s3/bucketAcl:BucketAcl": (Check("acl", _private_acl),),
    "aws:s3/bucketPolicy:BucketPolicy": _POLICY,
    "aws:kms/key:Key": _POLICY,
    "aws:kms/keyPolicy:KeyPolicy": _POLICY,
    "aws:sns/topicPolicy:TopicPolicy": _POLICY,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _BLOCK,
    "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock": _BLOCK,
    "aws:rds/instance:Instance": (
        must_be("publiclyAccessible", False, why="it would have a public address", unset_is_fine=True),
    ),
    "gcp:storage/bucket:Bucket": (
        must_be("publicAccessPrevention", "enforced", why="a grant to allUsers would make it public"),
        must_be("uniformBucketLevelAccess", True, why="single objects could be opened by their own access list"),
    ),
    "gcp:sql/databaseInstance:DatabaseInstance": (
        must_be("settings.ipConfiguration.ipv4Enabled", False, why="without a word it has an address on the internet"),
    ),
    "gcp:storage/bucketIAMMember:BucketIAMMember": _MEMBER,
    "gcp:storage/bucketIAMBinding:BucketIAMBinding": _MEMBERS,
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": _MEMBER,
    "gcp:artifactregistry/repositoryIamBinding:RepositoryIamBinding": _MEMBERS,
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": _MEMBER,
    "gcp:projects/iAMMember:IAMMember": _MEMBER,
    "gcp:secretmanager/secretIamMember:SecretIamMember": _MEMBER,
    "gcp:secretmanager/secretIamBinding:SecretIamBinding": _MEMBERS,
}

PUBLIC_STORAGE = resource_rule(
    "no-public-storage", "Nothing that is stored can be read anonymously.", TABLE, Severity.CRITICAL
)


def _validate_bucket_guards(args: StackValidationArgs, report: ReportViolation) -> None:
    """Refuse an S3 bucket that lacks one of the resources in which its provider keeps the bucket's settings."""
    for bucket in (resource for resource in args.resources if resource.resource_type == BUCKET):
        guards = {
            resource.resource_type
            for resource in args.resources
            if any(target.urn == bucket.urn for target in resource.property_dependencies.get("bucket", []))
        }
        for companion, why in BUCKET_COMPANIONS.items():
            if companion not in guards:
                kind = companion.rpartition(":")[2]
                report(f"{bucket.name} ({BUCKET}): has no {kind}: {why}; add one for this bucket", bucket.urn)


BUCKET_GUARDS = StackValidationPolicy(
    "s3-bucket-guards",
    "An S3 bucket blocks public access, states its encryption and keeps versions.",
    _validate_bucket_guards,
    severity=Severity.HIGH,
)
