"""The customer-managed key of production's data; elsewhere Google's own keys encrypt everything at rest."""

from __future__ import annotations

import pulumi
import pulumi_gcp.kms as kms
import pulumi_gcp.projects as projects
import pulumi_gcp.storage as storage

from components import naming
from components.gcp.services import Services
from components.gcp.settings import Settings
from components.spec import Environment

ROTATION = f"{90 * 24 * 3600}s"
# The role of each service that encrypts with the key (cloud.google.com/storage/docs/encryption/customer-managed-keys,
# cloud.google.com/artifact-registry/docs/cmek, cloud.google.com/sql/docs/postgres/configure-cmek).
ROLE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


class Encryption(pulumi.ComponentResource):
    """One key, rotated, for the buckets, the registry and a ``database``, and the right of those services to use it.

    Key rings can never be deleted from a project, so this exists in production only. Depend on the component: its
    grants must stand before data is encrypted.

    Output: ``key`` (its id).
    """

    key: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        settings: Settings,
        services: Services,
        database: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:gcp:Encryption", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=[services])
        kept = pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(protect=True))
        ring = kms.KeyRing(
            name,
            kms.KeyRingArgs(
                project=settings.project, location=settings.region, name=naming.name(environment, "resource", "data")
            ),
            opts=kept,
        )
        key = kms.CryptoKey(
            name,
            kms.CryptoKeyArgs(
                key_ring=ring.id,
                name=naming.name(environment, "resource", "data"),
                rotation_period=ROTATION,
                labels=naming.tags(environment),
            ),
            opts=kept,
        )
        self.key = key.id
        encrypting = {"registry": "artifactregistry"} | ({"database": "sqladmin"} if database else {})
        agents = {
            part: projects.ServiceIdentity(
                f"{name}-{part}-agent",
                projects.ServiceIdentityArgs(project=settings.project, service=f"{api}.googleapis.com"),
                opts=child,
            ).member
            for part, api in encrypting.items()
        }
        # Asking for it makes it exist (cloud.google.com/storage/docs/projects).
        storage_agent = storage.get_project_service_account_output(
            project=settings.project, opts=pulumi.InvokeOutputOptions(depends_on=[services])
        )
        for part, member in {**agents, "storage": storage_agent.member}.items():
            kms.CryptoKeyIAMMember(
                f"{name}-{part}",
                kms.CryptoKeyIAMMemberArgs(crypto_key_id=key.id, role=ROLE, member=member),
                opts=child,
            )
        self.register_outputs({"key": self.key})
