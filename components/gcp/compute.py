"""The running service: Cloud Run, with a revision for each release."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_gcp.cloudrunv2 as cloudrun
import pulumi_gcp.projects as projects
import pulumi_gcp.secretmanager as secretmanager
import pulumi_gcp.serviceaccount as serviceaccount

from components import naming
from components.gcp import agent, revisions, secrets
from components.gcp.network import Network
from components.gcp.registry import Registry
from components.gcp.services import Services
from components.gcp.settings import Settings, check_environment, check_service
from components.gcp.telemetry import Telemetry
from components.gcp.template import Agent, Template
from components.release import Traffic
from components.spec import Environment, ServiceSpec

# cloud.google.com/run/docs/reference/iam/roles
INVOKER = "roles/run.invoker"
# run-gmp-sidecar's README; its logs leave by stdout, which needs no role.
METRIC_WRITER = "roles/monitoring.metricWriter"


class Compute(pulumi.ComponentResource):
    """A Cloud Run service whose traffic is divided between the stable and the candidate revision.

    Each revision has a tag and with it an address of its own. Cloud Run holds one template, the newest release's,
    and knows the stable revision by its name alone: ``served`` (release id → revision name, the output ``revisions``
    of the update before) says which one it is, so that changed settings come with the candidate and leave the stable
    release as it runs. A stack's first update deploys a stable release without a candidate.

    Outputs: ``url``, ``stable_url``, ``candidate_url``, ``deployed`` (names of revisions), ``identity`` (the account's
    e-mail address), ``revisions``, and for what watches it ``min_instances``.
    """

    url: pulumi.Output[str]
    stable_url: pulumi.Output[str]
    candidate_url: pulumi.Output[str] | None
    deployed: Mapping[str, pulumi.Output[str]]
    identity: pulumi.Output[str]
    revisions: pulumi.Output[Mapping[str, str]]
    min_instances: int

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: ServiceSpec,
        *,
        settings: Settings,
        traffic: Traffic,
        served: pulumi.Input[Mapping[str, str]],
        services: Services,
        network: Network,
        registry: Registry,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:gcp:Compute", name, None, opts)
        check_environment(settings, environment)
        check_service(spec)
        self._name, self._environment, self._spec, self._settings = name, environment, spec, settings
        self._child = pulumi.ResourceOptions(parent=self, depends_on=[services])
        account = serviceaccount.Account(
            name,
            serviceaccount.AccountArgs(
                project=settings.project,
                account_id=naming.name(environment, "service-account", "serving"),
                display_name="Identity of the prediction service",
            ),
            opts=self._child,
        )
        self.identity = account.email
        self._member = account.member
        references = secrets.parse("service", spec.secrets, settings.project)
        config = self._agent_secret()
        template = Template(
            spec=spec,
            secrets=references,
            account=account.email,
            subnet=network.serving,
            agent=Agent(image=self._agent_image(registry), secret=config.id),
        )
        service_name = naming.name(environment, "service", "serving")
        stable, candidate = revisions.names(service_name, traffic, template, served)
        running = revisions.by_release(traffic, stable, candidate)
        # Production remembers them all, so that a rollback finds a release that served under other settings.
        known = served if environment.production else {}
        self.revisions = pulumi.Output.all(known, running).apply(lambda found: {**found[0], **found[1]})
        # Before the first instance starts: the right to pull, its own rights, the log sink and the side-car's file.
        grants = self._grants({found.secret for found in references.values()})
        needs = [services, network, registry, telemetry, *grants, *self._agent_configuration(config, running)]
        service = cloudrun.Service(
            name,
            project=settings.project,
            location=settings.region,
            name=service_name,
            ingress="INGRESS_TRAFFIC_ALL" if spec.ingress == "public" else "INGRESS_TRAFFIC_INTERNAL_ONLY",
            custom_audiences=[spec.authentication.audience] if spec.authentication else None,
            deletion_protection=environment.guarded,
            scaling={"min_instance_count": spec.min_replicas, "max_instance_count": spec.max_replicas},
            template={**template.of(traffic.candidate or traffic.stable), "revision": candidate or stable},
            traffics=revisions.targets(traffic, stable, candidate),
            labels=naming.tags(environment),
            opts=pulumi.ResourceOptions(parent=self, depends_on=needs),
        )
        self._let_callers_in(service)
        self.min_instances = spec.min_replicas
        self.url = service.uri
        self.stable_url = revisions.address(service.uri, revisions.STABLE)
        self.candidate_url = revisions.address(service.uri, revisions.CANDIDATE) if candidate else None
        self.deployed = {revisions.STABLE: stable, **({revisions.CANDIDATE: candidate} if candidate else {})}
        self.register_outputs(
            {
                "url": self.url,
                "stable_url": self.stable_url,
                "candidate_url": self.candidate_url,
                "identity": self.identity,
                "revisions": self.revisions,
            }
        )

    def _grants(self, references: set[str]) -> list[pulumi.Resource]:
        """What the service may do: write metrics and read exactly its secrets."""
        grants: list[pulumi.Resource] = [
            projects.IAMMember(
                f"{self._name}-metrics",
                projects.IAMMemberArgs(project=self._settings.project, role=METRIC_WRITER, member=self._member),
                opts=self._child,
            )
        ]
        return grants + [self._may_read(reference.replace("/", "-"), reference) for reference in sorted(references)]

    def _may_read(self, part: str, secret: pulumi.Input[str]) -> pulumi.Resource:
        """The right to read one secret."""
        return secrets.may_read(f"{self._name}-{part}", secret, self._member, self._child)

    def _agent_image(self, registry: Registry) -> pulumi.Input[str]:
        """The side-car by digest: as configured, or its copy."""
        image = self._settings.agent_image
        return image if self._settings.agent_by_digest else registry.copy_of(image)

    def _agent_secret(self) -> secretmanager.Secret:
        """Where the side-car's configuration stands; it is no secret, but Cloud Run mounts no plain text."""
        return secretmanager.Secret(
            f"{self._name}-agent",
            secretmanager.SecretArgs(
                project=self._settings.project,
                secret_id=naming.name(self._environment, "secret", "agent"),
                replication=secretmanager.SecretReplicationArgs(auto=secretmanager.SecretReplicationAutoArgs()),
                labels=naming.tags(self._environment),
            ),
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(protect=True)),
        )

    def _agent_configuration(
        self, config: secretmanager.Secret, running: pulumi.Output[Mapping[str, str]]
    ) -> list[pulumi.Resource]:
        """The configuration's newest version and the right to read it."""
        text = running.apply(
            lambda found: agent.run_monitoring({revision: release for release, revision in found.items()})
        )
        version = secretmanager.SecretVersion(
            f"{self._name}-agent",
            secretmanager.SecretVersionArgs(secret=config.id, secret_data=text),
            opts=self._child,
        )
        return [version, self._may_read("agent", config.id)]

    def _let_callers_in(self, service: cloudrun.Service) -> None:
        """Who may call: the listed members, or everyone where a dev stack is public without authentication."""
        members = self._settings.invokers
        if self._spec.ingress == "public" and self._spec.authentication is None:
            members = ("allUsers",)
            pulumi.log.warn("service.ingress is public without authentication: anyone on the internet may call", self)
        elif not members:
            pulumi.log.warn("gcp.invokers is empty: nobody may call the service; list IAM members there", self)
        for member in members:
            cloudrun.ServiceIamMember(
                f"{self._name}-invoker-{member}",
                project=self._settings.project,
                location=self._settings.region,
                name=service.name,
                role=INVOKER,
                member=member,
                opts=self._child,
            )
