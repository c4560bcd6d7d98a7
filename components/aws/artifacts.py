"""A bucket for artifacts: the versioned models of the training job, or the files of an MLflow server."""

from __future__ import annotations

import pulumi
from pulumi_aws import s3

from components import naming
from components.aws.account import Account
from components.aws.policies import document
from components.spec import Environment

KEPT_DAYS = 365
"""How long an overwritten or deleted object can be brought back."""


class Artifacts(pulumi.ComponentResource):
    """Versioned, encrypted with the stack's key, without ACLs or public access, only over TLS 1.2 or newer.

    ``protect`` keeps Pulumi from deleting it, and AWS deletes no bucket that holds objects.

    ``part`` tells the stack's buckets apart. Outputs: ``arn``, ``url`` (``s3://…``).
    """

    arn: pulumi.Output[str]
    url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        part: str,
        *,
        account: Account,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Artifacts", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        bucket = s3.Bucket(
            name,
            s3.BucketArgs(
                bucket=naming.name(environment, "bucket", part),
                force_destroy=not environment.production,
                tags=naming.tags(environment),
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        versioning = s3.BucketVersioning(
            name,
            s3.BucketVersioningInitArgs(
                bucket=bucket.bucket,
                versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            ),
            opts=child,
        )
        encryption = s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
            sse_algorithm="aws:kms", kms_master_key_id=account.key_arn
        )
        s3.BucketServerSideEncryptionConfiguration(
            name,
            s3.BucketServerSideEncryptionConfigurationInitArgs(
                bucket=bucket.bucket,
                rules=[
                    s3.BucketServerSideEncryptionConfigurationRuleArgs(
                        apply_server_side_encryption_by_default=encryption, bucket_key_enabled=True
                    )
                ],
            ),
            opts=child,
        )
        closed = s3.BucketPublicAccessBlock(
            name,
            s3.BucketPublicAccessBlockArgs(
                bucket=bucket.bucket,
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
            ),
            opts=child,
        )
        s3.BucketOwnershipControls(
            name,
            s3.BucketOwnershipControlsArgs(
                bucket=bucket.bucket, rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced")
            ),
            opts=child,
        )
        s3.BucketLifecycleConfiguration(
            name,
            s3.BucketLifecycleConfigurationArgs(
                bucket=bucket.bucket,
                rules=[
                    s3.BucketLifecycleConfigurationRuleArgs(
                        id="old-versions",
                        status="Enabled",
                        filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                        noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                            noncurrent_days=KEPT_DAYS
                        ),
                        abort_incomplete_multipart_upload=(
                            s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                                days_after_initiation=7
                            )
                        ),
                    )
                ],
            ),
            # A rule for old versions needs a bucket that keeps them.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioning]),
        )
        s3.BucketPolicy(
            name,
            s3.BucketPolicyArgs(bucket=bucket.bucket, policy=self._policy(bucket.arn)),
            # Both change the bucket's policy; S3 refuses two such requests at once.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[closed]),
        )
        self.arn = bucket.arn
        self.url = pulumi.Output.concat("s3://", bucket.bucket)
        self.register_outputs({"arn": self.arn, "url": self.url})

    def _policy(self, arn: pulumi.Output[str]) -> pulumi.Output[str]:
        """Refuse what is not encrypted on the way (aws.amazon.com/blogs/storage/
        enforcing-encryption-in-transit-with-tls1-2-or-higher-with-amazon-s3; the second statement repeats what S3 has
        asked for since 2024)."""
        refuse = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, pulumi.Output.concat(arn, "/*")],
        }
        return document(
            {**refuse, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {**refuse, "Condition": {"NumericLessThan": {"s3:TlsVersion": 1.2}}},
        )
