"""Where the stack's images are kept: pushed by the deployer, pulled by the workload's identities alone."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.containerregistry as containerregistry
import pulumi_docker_build as docker_build

from components import naming
from components.azure import access
from components.azure.diagnostics import send_logs
from components.azure.network import Network
from components.azure.private_link import Service, private_link
from components.azure.settings import Settings
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.spec import Environment


class Registry(pulumi.ComponentResource):
    """A container registry without an admin user: Basic in development; Premium, zone-redundant, private in production.

    It has no retention policy: images are pushed by digest and carry no tag, and untagged ones are what Azure's
    policy deletes.

    Outputs: the repositories ``serving`` and ``training``, ``server`` and ``registry_id``. ``ready`` is what a
    workload waits for before it pulls.
    """

    serving: pulumi.Output[str]
    training: pulumi.Output[str]
    server: pulumi.Output[str]
    registry_id: pulumi.Output[str]
    ready: pulumi.Resource

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: Settings,
        *,
        group: ResourceGroup,
        network: Network,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:Registry", name, None, opts)
        production = environment.production
        sku = containerregistry.SkuName.PREMIUM if production else containerregistry.SkuName.BASIC
        access_from_outside = (
            containerregistry.PublicNetworkAccess.ENABLED
            if settings.allowed_ranges or not production
            else containerregistry.PublicNetworkAccess.DISABLED
        )
        registry = containerregistry.Registry(
            name,
            registry_name=naming.name(environment, "registry", "images"),
            resource_group_name=group.group_name,
            location=group.location,
            sku=containerregistry.SkuArgs(name=sku),
            admin_user_enabled=False,
            anonymous_pull_enabled=False,
            # Basic has neither zones nor a firewall.
            zone_redundancy=containerregistry.ZoneRedundancy.ENABLED if production else None,
            public_network_access=access_from_outside,
            network_rule_set=_firewall(settings) if production else None,
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        access.lock(name, environment, registry.id, parent=self)
        self.ready = registry
        if production:
            send_logs(name, registry.id, telemetry.log_workspace, parent=self)
            self.ready = private_link(
                name, environment, Service.REGISTRY, on=registry.id, network_=network, group=group, parent=self
            )
        self.registry_id = registry.id
        self.server = registry.login_server
        self.serving = pulumi.Output.concat(registry.login_server, "/serving")
        self.training = pulumi.Output.concat(registry.login_server, "/training")
        self.register_outputs({"serving": self.serving, "training": self.training})

    @property
    def credentials(self) -> docker_build.RegistryArgs | None:
        """None: the deployer has logged in with ``az acr login``, so that no state ever holds a password."""
        return None


def _firewall(settings: Settings) -> containerregistry.NetworkRuleSetArgs:
    """Only the allowed ranges reach the registry from outside the network."""
    return containerregistry.NetworkRuleSetArgs(
        default_action=containerregistry.DefaultAction.DENY,
        ip_rules=[
            containerregistry.IPRuleArgs(i_p_address_or_range=allowed, action=containerregistry.Action.ALLOW)
            for allowed in settings.allowed_ranges
        ],
    )
