"""The running service: a cluster, a load balancer, and the stable and the candidate release behind it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pulumi
from pulumi_aws import ecs

from components import naming
from components.aws.account import Account
from components.aws.entrance import Entrance
from components.aws.identity import execution_role, task_role
from components.aws.load_balancer import LoadBalancer
from components.aws.network import Network
from components.aws.policies import allow
from components.aws.registry import Registry
from components.aws.service import ReleaseService
from components.aws.settings import ECR_IMAGE, Settings, check_service
from components.aws.telemetry import Telemetry
from components.release import Traffic
from components.spec import Environment, ServiceSpec


class Compute(pulumi.ComponentResource):
    """ECS services on Fargate, one per release; the candidate's exists only while there is a candidate.

    ECS's own canary has two phases and its linear one equal steps, so neither can hold a share until it is judged;
    two services behind weighted target groups can, and each has an address of its own.

    Outputs: ``url``, ``stable_url``, ``candidate_url``, ``deployed`` (ARNs of task definitions), ``identity`` (the task
    role's ARN), and for what watches them ``cluster``, ``balancer`` and ``services`` by release.
    """

    url: pulumi.Output[str]
    stable_url: pulumi.Output[str]
    candidate_url: pulumi.Output[str] | None
    deployed: Mapping[str, pulumi.Output[str]]
    identity: pulumi.Output[str]
    cluster: ecs.Cluster
    balancer: LoadBalancer
    services: dict[str, ReleaseService]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: ServiceSpec,
        *,
        settings: Settings,
        traffic: Traffic,
        account: Account,
        network: Network,
        registry: Registry,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        check_service(environment, spec, settings)
        super().__init__("mlplatform:aws:Compute", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.cluster = ecs.Cluster(
            name,
            ecs.ClusterArgs(
                name=naming.name(environment, "cluster", "main"),
                settings=[
                    ecs.ClusterSettingArgs(
                        name="containerInsights", value="enabled" if environment.production else "disabled"
                    )
                ],
                tags=naming.tags(environment),
            ),
            opts=child,
        )
        starts = execution_role(
            f"{name}-execution",
            environment,
            "execution",
            account=account,
            repositories=[registry.serving_arn, registry.agent_arn],
            log_group=telemetry.service_logs.arn,
            secrets=spec.secrets.values(),
            opts=child,
        )
        # The one right of the containers; ECS has one role per task, so the service shares the agent's.
        runs = task_role(
            f"{name}-task",
            environment,
            "task",
            account=account,
            statements=[allow(["aps:RemoteWrite"], telemetry.workspace_arn)],
            opts=child,
        )
        self.balancer = LoadBalancer(
            f"{name}-balancer", environment, spec, settings=settings, network=network, opts=child
        )
        agent_image: pulumi.Input[str] = settings.agent_image
        if not environment.production and re.fullmatch(ECR_IMAGE, settings.agent_image) is None:
            agent_image = registry.mirror(settings.agent_image)
        releases = {"stable": traffic.stable, "candidate": traffic.candidate}
        self.services = {
            part: ReleaseService(
                f"{name}-{part}",
                environment,
                spec,
                settings=settings,
                part=part,
                release=release,
                agent_image=agent_image,
                cluster=self.cluster,
                execution_role=starts,
                task_role=runs,
                account=account,
                network=network,
                balancer=self.balancer,
                telemetry=telemetry,
                opts=child,
            )
            for part, release in releases.items()
            if release is not None
        }
        Entrance(
            f"{name}-entrance",
            environment,
            spec,
            settings=settings,
            balancer=self.balancer,
            traffic=traffic,
            services=list(self.services.values()),
            opts=child,
        )
        if settings.domain is None:
            pulumi.warn("aws.domain is not set: the service speaks plain HTTP, which only a dev stack may", self)
        self.url = self.balancer.endpoint.url()
        self.stable_url = self.balancer.verification_url("stable")
        self.candidate_url = self.balancer.verification_url("candidate") if traffic.candidate else None
        self.deployed = {part: service.task_definition for part, service in self.services.items()}
        self.identity = runs.arn
        self.register_outputs(
            {
                "url": self.url,
                "stable_url": self.stable_url,
                "candidate_url": self.candidate_url,
                "identity": self.identity,
            }
        )
