"""The running service: one Container App whose revisions are the stable release and the candidate."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_azure_native.app as app

from components import naming
from components.agent import agent_configuration
from components.azure import access
from components.azure.access import Role
from components.azure.authentication import authentication
from components.azure.container_environment import PROFILE, ContainerEnvironment
from components.azure.network import Network
from components.azure.registry import Registry
from components.azure.revision import CONFIGURATION, revision
from components.azure.settings import Settings, check_service
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.azure.variables import references
from components.azure.vault import Vault
from components.release import Traffic
from components.spec import Environment, ServiceSpec

# Expanded by the agent from its own environment; Container Apps sets the second.
AGENT_LABELS = {"release": "${RELEASE}", "replica": "${CONTAINER_APP_REPLICA_NAME}"}


class Compute(pulumi.ComponentResource):
    """A Container App in multiple-revision mode, with the environment and the vault that it needs.

    Azure holds one template, the newest release's, and knows an older revision by its name alone. ``served`` (release
    id → revision suffix, the output ``revisions`` of the update before) says which one the stable release is, so
    that changed settings come with the candidate and leave the stable release as it runs; production remembers
    every release, so that it can go back behind a promotion. A stack's first update deploys a stable release without
    a candidate. A candidate that failed stays, at weight 0, until the next one takes its place: Azure does not go
    back to the name of an older revision.

    Two identities: with one, the platform pulls images and reads secrets, and no code in a container can use it; the
    other is what the replicas hold, and it may write metrics and nothing else.

    Outputs: ``url``, ``stable_url``, ``candidate_url``, ``deployed`` (suffixes of revisions), ``identity`` (principal
    id), ``revisions``, ``app_id``, ``environment_id`` and ``vault``.
    """

    url: pulumi.Output[str]
    stable_url: pulumi.Output[str]
    candidate_url: pulumi.Output[str] | None
    deployed: Mapping[str, pulumi.Output[str]]
    identity: pulumi.Output[str]
    revisions: pulumi.Output[Mapping[str, str]]
    app_id: pulumi.Output[str]
    environment_id: pulumi.Output[str]
    vault: Vault
    scales_to_zero: bool

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: ServiceSpec,
        *,
        settings: Settings,
        traffic: Traffic,
        served: pulumi.Input[Mapping[str, str]],
        group: ResourceGroup,
        network: Network,
        registry: Registry,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:Compute", name, None, opts)
        check_service(spec)
        child = pulumi.ResourceOptions(parent=self)
        platform = access.identity(f"{name}-platform", environment, group=group, parent=self)
        service = access.identity(name, environment, group=group, parent=self)
        host = ContainerEnvironment(
            name, environment, spec.ingress, group=group, network=network, telemetry=telemetry, opts=child
        )
        vault = Vault(
            f"{name}-vault",
            environment,
            settings,
            tenant=platform.tenant_id,
            group=group,
            network=network,
            telemetry=telemetry,
            opts=child,
        )
        roles = [
            access.grant(f"{name}-{part}", environment, role, to=to, on=on, group=group, parent=self)
            for part, role, to, on in (
                ("pull", Role.ACR_PULL, platform, registry.registry_id),
                ("secrets", Role.KEY_VAULT_SECRETS_USER, platform, vault.vault_id),
                ("metrics", Role.MONITORING_METRICS_PUBLISHER, service, telemetry.collection_rule),
            )
        ]
        agent = _agent_configuration(telemetry.remote_write_url, service.client_id)
        newest = revision(spec, traffic.candidate or traffic.stable, settings.agent_image, agent)
        stable = newest.suffix
        if traffic.candidate:
            today = revision(spec, traffic.stable, settings.agent_image, agent).suffix
            stable = pulumi.Output.all(served, traffic.stable.id, today).apply(
                lambda found: found[0].get(found[1], found[2])
            )
        app_name = naming.name(environment, "container-app", name)
        container_app = app.ContainerApp(
            name,
            container_app_name=app_name,
            resource_group_name=group.group_name,
            location=group.location,
            environment_id=host.environment_id,
            workload_profile_name=PROFILE,
            identity={
                "type": app.ManagedServiceIdentityType.USER_ASSIGNED,
                "user_assigned_identities": [platform.id, service.id],
            },
            configuration=_configuration(
                spec,
                platform=platform.id,
                service=service.id,
                registry=registry,
                vault=vault,
                agent=agent,
                weights=_weights(app_name, traffic, stable),
            ),
            template=newest.template,
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[*roles, registry.ready, vault.ready], delete_before_replace=True
            ),
        )
        if spec.ingress == "public" and not spec.authentication:
            pulumi.log.warn("service.ingress is public without authentication: anyone can ask for predictions", self)
        if spec.authentication:
            authentication(name, spec.authentication, app_name=container_app.name, group=group, parent=self)
        self.app_id = container_app.id
        self.environment_id = host.environment_id
        self.vault = vault
        self.identity = service.principal_id
        self.url = pulumi.Output.concat("https://", container_app.name, ".", host.domain)
        self.stable_url = _address(container_app, stable, host)
        self.candidate_url = _address(container_app, newest.suffix, host) if traffic.candidate else None
        self.deployed = {"stable": stable, **({"candidate": newest.suffix} if traffic.candidate else {})}
        remembered = served if environment.production else {}
        self.revisions = _by_release(traffic, stable, newest.suffix, remembered)
        self.scales_to_zero = spec.min_replicas == 0
        self.register_outputs(
            {
                "url": self.url,
                "stableUrl": self.stable_url,
                "candidateUrl": self.candidate_url,
                "identity": self.identity,
                "revisions": self.revisions,
            }
        )


def _agent_configuration(url: pulumi.Output[str], client_id: pulumi.Output[str]) -> pulumi.Output[str]:
    """The agents' configuration file; they sign their writes to ``url`` as the identity with this client id."""
    return pulumi.Output.all(url, client_id).apply(
        lambda found: agent_configuration(
            found[0], {"azuread": {"cloud": "AzurePublic", "managed_identity": {"client_id": found[1]}}}, AGENT_LABELS
        )
    )


def _configuration(
    spec: ServiceSpec,
    *,
    platform: pulumi.Output[str],
    service: pulumi.Output[str],
    registry: Registry,
    vault: Vault,
    agent: pulumi.Output[str],
    weights: list[app.TrafficWeightArgsDict],
) -> app.ConfigurationArgsDict:
    """What all revisions share; ``platform`` and ``service`` are the identities' resource ids."""
    return {
        "active_revisions_mode": app.ActiveRevisionsMode.MULTIPLE,
        "identity_settings": [
            {"identity": platform, "lifecycle": app.IdentitySettingsLifeCycle.NONE},
            {"identity": service, "lifecycle": app.IdentitySettingsLifeCycle.MAIN},
        ],
        "registries": [{"server": registry.server, "identity": platform}],
        "secrets": [{"name": CONFIGURATION, "value": agent}, *references(vault.uri, spec.secrets, platform)],
        "ingress": {
            # "external" to the environment: a private environment has no address but the network's.
            "external": True,
            "target_port": spec.port,
            "transport": app.IngressTransportMethod.HTTP,
            "allow_insecure": False,
            "traffic": weights,
        },
    }


def _weights(app_name: str, traffic: Traffic, stable: pulumi.Output[str]) -> list[app.TrafficWeightArgsDict]:
    """The shares of the public traffic and the labels of the revisions; ``stable`` is a revision's suffix.

    The newest revision is addressed as such, not by name: the API reads that as "a latest stable revision", so that
    traffic should not move before it is ready (Microsoft's promise of no downtime,
    learn.microsoft.com/azure/container-apps/revisions, speaks of single-revision mode alone).
    """
    stable_weight, candidate_weight = traffic.weights
    if traffic.candidate is None:
        return [{"latest_revision": True, "label": "stable", "weight": stable_weight}]
    return [
        {"revision_name": _revision_name(app_name, stable), "label": "stable", "weight": stable_weight},
        {"latest_revision": True, "label": "candidate", "weight": candidate_weight},
    ]


def _revision_name(app_name: pulumi.Input[str], suffix: pulumi.Output[str]) -> pulumi.Output[str]:
    """``<app>--<suffix>``."""
    return pulumi.Output.concat(app_name, "--", suffix)


def _address(
    container_app: app.ContainerApp, suffix: pulumi.Output[str], host: ContainerEnvironment
) -> pulumi.Output[str]:
    """The address of one revision, whatever its share of the traffic."""
    return pulumi.Output.concat("https://", _revision_name(container_app.name, suffix), ".", host.domain)


def _by_release(
    traffic: Traffic,
    stable: pulumi.Output[str],
    newest: pulumi.Output[str],
    remembered: pulumi.Input[Mapping[str, str]],
) -> pulumi.Output[Mapping[str, str]]:
    """Release id → revision suffix, for the next update. Of a release that is both, the stable revision counts."""
    current = [traffic.stable.id, stable]
    if traffic.candidate:
        current = [traffic.candidate.id, newest, *current]
    return pulumi.Output.all(remembered, *current).apply(
        lambda found: {**found[0], **dict(zip(found[1::2], found[2::2], strict=True))}
    )
