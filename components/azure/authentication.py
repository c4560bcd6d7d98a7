"""The check of callers' tokens at the ingress, by Container Apps itself."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.app as app

from components.azure.shared import ResourceGroup
from components.spec import LIVE_PATH, READY_PATH, Authentication


def authentication(
    part: str,
    spec: Authentication,
    *,
    app_name: pulumi.Output[str],
    group: ResourceGroup,
    parent: pulumi.Resource,
) -> None:
    """Answer 401 to whoever brings no token of ``spec.issuer`` for ``spec.audience``.

    Tokens are only validated, nobody is led through a login, so there is no client secret. The health paths stay open:
    a rollout is verified by them before anybody has a token.
    """
    app.ContainerAppsAuthConfig(
        part,
        # The only name that Azure knows (learn.microsoft.com/azure/templates/microsoft.app/containerapps/authconfigs).
        auth_config_name="current",
        container_app_name=app_name,
        resource_group_name=group.group_name,
        platform=app.AuthPlatformArgs(enabled=True),
        global_validation=app.GlobalValidationArgs(
            unauthenticated_client_action=app.UnauthenticatedClientActionV2.RETURN401,
            excluded_paths=[READY_PATH, LIVE_PATH],
        ),
        identity_providers=app.IdentityProvidersArgs(
            azure_active_directory=app.AzureActiveDirectoryArgs(
                enabled=True,
                registration=app.AzureActiveDirectoryRegistrationArgs(
                    open_id_issuer=spec.issuer, client_id=spec.audience.removeprefix("api://")
                ),
                validation=app.AzureActiveDirectoryValidationArgs(allowed_audiences=[spec.audience]),
            )
        ),
        opts=pulumi.ResourceOptions(parent=parent),
    )
