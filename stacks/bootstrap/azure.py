"""Azure: for each environment a managed identity, in whose place only that environment's runs may stand."""

from __future__ import annotations

import uuid

import pulumi
import pulumi_azure_native.authorization as authorization
import pulumi_azure_native.managedidentity as managedidentity
import pulumi_azure_native.resources as resources

from stacks.bootstrap.subjects import ISSUER, Workflows

AUDIENCE = "api://AzureADTokenExchange"
"""What azure/login asks GitHub's tokens for."""
DEPLOY = {
    "contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "user-access-administrator": "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "acr-push": "8311e382-0749-4cb8-b61a-304f252e45ec",
    "monitoring-data-reader": "b0d8363b-8ddd-447d-831f-62ca05bff136",
}
"""Built-in roles on the subscription by definition id; docs/clouds/azure.md tells what each is for."""
READ = {"reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7"}
STATE_WRITE = {
    "blob-contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "crypto-user": "12338af0-0e69-4776-bea7-57ae8d297424",
}
"""On the resource group that holds the state's storage account and the vault with its key."""
STATE_READ = {**STATE_WRITE, "blob-contributor": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"}  # Storage Blob Data Reader


def program(workflows: Workflows) -> None:
    """``subscription`` and ``location`` say where, ``stateGroup`` which resource group holds the state."""
    config = pulumi.Config()
    subscription = f"/subscriptions/{config.require('subscription')}"
    state = f"{subscription}/resourceGroups/{config.require('stateGroup')}"
    group = resources.ResourceGroup(
        "workflows", resource_group_name="mlplatform-workflows", location=config.require("location")
    )
    for identity in workflows.identities:
        environment = identity.environment
        principal = managedidentity.UserAssignedIdentity(
            environment,
            resource_name_=f"mlplatform-{environment}",
            resource_group_name=group.name,
            location=group.location,
        )
        managedidentity.FederatedIdentityCredential(
            environment,
            federated_identity_credential_resource_name="github",
            resource_name_=principal.name,
            resource_group_name=group.name,
            issuer=ISSUER,
            subject=identity.subject,
            audiences=[AUDIENCE],
        )
        on_subscription, on_state = (READ, STATE_READ) if identity.reads_only else (DEPLOY, STATE_WRITE)
        for scope, roles in ((subscription, on_subscription), (state, on_state)):
            for name, role in roles.items():
                authorization.RoleAssignment(
                    f"{environment}-{name}",
                    role_assignment_name=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scope}/{environment}/{name}")),
                    scope=scope,
                    role_definition_id=f"{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}",
                    principal_id=principal.principal_id,
                    principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
                )
        pulumi.export(f"{environment}:AZURE_CLIENT_ID", principal.client_id)
