"""GCP: a workload identity pool for GitHub, and for each environment a service account that its runs alone become."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from stacks.bootstrap.subjects import ISSUER, Workflows

DEPLOY = (
    "roles/run.admin", "roles/iam.serviceAccountAdmin", "roles/iam.serviceAccountUser", "roles/artifactregistry.admin",
    "roles/compute.networkAdmin", "roles/compute.securityAdmin", "roles/dns.admin", "roles/logging.configWriter",
    "roles/monitoring.editor", "roles/secretmanager.admin", "roles/storage.admin", "roles/cloudscheduler.admin",
    "roles/resourcemanager.projectIamAdmin", "roles/serviceusage.serviceUsageAdmin", "roles/cloudkms.admin",
    "roles/cloudsql.admin", "roles/servicedirectory.editor",
)  # fmt: skip
"""What a deployment may do (docs/clouds/gcp.md, Permissions of the deployer)."""
READ = ("roles/viewer", "roles/iam.securityReviewer", "roles/storage.objectViewer")


def program(workflows: Workflows) -> None:
    """``project`` is the stacks' project, ``stateKey`` the full name of the key that guards the state's secrets."""
    config = pulumi.Config()
    project, state_key = config.require("project"), config.require("stateKey")
    pool = gcp.iam.WorkloadIdentityPool("github", workload_identity_pool_id="mlplatform-github", project=project)
    provider = gcp.iam.WorkloadIdentityPoolProvider(
        "github",
        project=project,
        workload_identity_pool_id=pool.workload_identity_pool_id,
        workload_identity_pool_provider_id="github",
        attribute_mapping={"google.subject": "assertion.sub"},
        attribute_condition=f"assertion.repository == '{workflows.repository}'",
        oidc=gcp.iam.WorkloadIdentityPoolProviderOidcArgs(issuer_uri=ISSUER),
    )
    for identity in workflows.identities:
        environment = identity.environment
        account = gcp.serviceaccount.Account(
            environment, project=project, account_id=f"ml-{environment}", display_name=f"Workflows in {environment}"
        )
        gcp.serviceaccount.IAMMember(
            environment,
            service_account_id=account.name,
            role="roles/iam.workloadIdentityUser",
            member=pulumi.Output.concat("principal://iam.googleapis.com/", pool.name, "/subject/", identity.subject),
        )
        for role in READ if identity.reads_only else DEPLOY:
            gcp.projects.IAMMember(
                f"{environment}-{role.removeprefix('roles/')}", project=project, role=role, member=account.member
            )
        gcp.kms.CryptoKeyIAMMember(
            f"{environment}-state",
            crypto_key_id=state_key,
            role=f"roles/cloudkms.cryptoKey{'Decrypter' if identity.reads_only else 'EncrypterDecrypter'}",
            member=account.member,
        )
        pulumi.export(f"{environment}:GCP_SERVICE_ACCOUNT", account.email)
    pulumi.export("GCP_PROVIDER", provider.name)
