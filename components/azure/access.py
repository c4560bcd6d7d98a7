"""Who may do what: managed identities, the built-in roles they are given, and locks against deletion."""

from __future__ import annotations

import uuid
from enum import Enum

import pulumi
import pulumi_azure_native.authorization as authorization
import pulumi_azure_native.managedidentity as managedidentity

from components import naming
from components.azure.shared import ResourceGroup
from components.spec import Environment


class Role(Enum):
    """Built-in roles by definition id (learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""

    ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
    KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
    MONITORING_METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
    STORAGE_BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


def identity(
    part: str, environment: Environment, *, group: ResourceGroup, parent: pulumi.Resource
) -> managedidentity.UserAssignedIdentity:
    """An identity of its own life, so that its roles exist before the workload that needs them."""
    return managedidentity.UserAssignedIdentity(
        part,
        resource_name_=naming.name(environment, "identity", part),
        resource_group_name=group.group_name,
        location=group.location,
        tags=naming.tags(environment),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def grant(
    part: str,
    environment: Environment,
    role: Role,
    *,
    to: managedidentity.UserAssignedIdentity,
    on: pulumi.Input[str],
    group: ResourceGroup,
    parent: pulumi.Resource,
) -> authorization.RoleAssignment:
    """Give ``to`` one role on the one resource whose id is ``on``.

    The name is derived, not random: an ``up`` that died before it noted the assignment finds it again instead of
    being refused for creating it twice.
    """
    return authorization.RoleAssignment(
        part,
        role_assignment_name=str(uuid.uuid5(uuid.NAMESPACE_URL, naming.name(environment, "resource", part))),
        scope=on,
        role_definition_id=pulumi.Output.concat(
            group.subscription, "/providers/Microsoft.Authorization/roleDefinitions/", role.value
        ),
        principal_id=to.principal_id,
        # Without the type, Azure looks the principal up and may not find one that is seconds old.
        principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
        opts=pulumi.ResourceOptions(parent=parent, delete_before_replace=True),
    )


def lock(part: str, environment: Environment, on: pulumi.Input[str], *, parent: pulumi.Resource) -> None:
    """In production, keep a resource that holds data from being deleted, even in the portal and by its owner."""
    if environment.guarded:
        authorization.ManagementLockByScope(
            f"{part}-lock",
            lock_name=naming.name(environment, "resource", f"{part}-lock"),
            scope=on,
            level=authorization.LockLevel.CAN_NOT_DELETE,
            notes="Holds data of a production stack; remove the lock to delete it.",
            opts=pulumi.ResourceOptions(parent=parent),
        )
