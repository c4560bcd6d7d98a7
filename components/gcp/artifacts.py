"""The buckets that models, plots and the like go to: one kind of them, whoever asks."""

from __future__ import annotations

import pulumi
import pulumi_gcp.storage as storage

from components import naming
from components.gcp.encryption import Encryption
from components.gcp.services import Services
from components.gcp.settings import Settings
from components.spec import Environment

# Reads, creates, replaces and deletes objects, but changes nothing of the bucket
# (cloud.google.com/storage/docs/access-control/iam-roles).
OBJECT_USER = "roles/storage.objectUser"
_DAY = 24 * 3600


class Artifacts(storage.Bucket):
    """A bucket that keeps every version of an object and what was deleted for a while, and lets nobody in publicly.

    It is protected from deletion and in production encrypted with the stack's own key. A retention policy is not
    set: it would forbid moving the pointer ``current``, and deleting a run.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        part: str,
        *,
        settings: Settings,
        services: Services,
        encryption: Encryption | None,
        parent: pulumi.Resource,
    ) -> None:
        encrypted = storage.BucketEncryptionArgs(default_kms_key_name=encryption.key) if encryption else None
        super().__init__(
            name,
            storage.BucketArgs(
                project=settings.project,
                location=settings.region,
                name=naming.name(environment, "bucket", part),
                uniform_bucket_level_access=True,
                public_access_prevention="enforced",
                versioning=storage.BucketVersioningArgs(enabled=True),
                soft_delete_policy=storage.BucketSoftDeletePolicyArgs(
                    retention_duration_seconds=(30 if environment.production else 7) * _DAY
                ),
                lifecycle_rules=[
                    storage.BucketLifecycleRuleArgs(
                        action=storage.BucketLifecycleRuleActionArgs(type="Delete"),
                        condition=storage.BucketLifecycleRuleConditionArgs(
                            days_since_noncurrent_time=365, num_newer_versions=10, with_state="ARCHIVED"
                        ),
                    )
                ],
                encryption=encrypted,
                force_destroy=not environment.production,
                labels=naming.tags(environment),
            ),
            opts=pulumi.ResourceOptions(
                parent=parent, depends_on=[services, *([encryption] if encryption else [])], protect=True
            ),
        )

    def opened_to(self, name: str, member: pulumi.Input[str], opts: pulumi.ResourceOptions) -> storage.BucketIAMMember:
        """The right of ``member`` to the objects of this bucket."""
        return storage.BucketIAMMember(
            name, storage.BucketIAMMemberArgs(bucket=self.name, role=OBJECT_USER, member=member), opts=opts
        )
