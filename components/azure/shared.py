"""The resource group that everything of a stack stands in."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.resources as resources

from components import naming
from components.azure.settings import Settings
from components.spec import Environment


class ResourceGroup(pulumi.ComponentResource):
    """One group per stack: what is deleted, billed and granted together.

    Outputs: ``group_name``, ``location``, and ``subscription``, the id of the subscription as a scope
    (``/subscriptions/…``).
    """

    group_name: pulumi.Output[str]
    location: str
    subscription: pulumi.Output[str]

    def __init__(
        self, name: str, environment: Environment, settings: Settings, *, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mlplatform:azure:ResourceGroup", name, None, opts)
        group = resources.ResourceGroup(
            name,
            resource_group_name=naming.name(environment, "resource-group", name),
            location=settings.location,
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self.group_name = group.name
        self.location = settings.location
        self.subscription = group.id.apply(lambda resource_id: "/".join(resource_id.split("/")[:3]))
        self.register_outputs({"groupName": self.group_name})
