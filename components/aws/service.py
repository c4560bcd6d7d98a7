"""One release as an ECS service: its tasks, how a new version of them rolls out, and its scaling."""

from __future__ import annotations

import pulumi
from pulumi_aws import cloudwatch, ecs

from components import naming
from components.aws import tasks
from components.aws.account import Account
from components.aws.load_balancer import LoadBalancer
from components.aws.network import Network
from components.aws.policies import Role
from components.aws.scaling import Scaling
from components.aws.settings import Settings, replica_size
from components.aws.telemetry import Telemetry
from components.release import Release
from components.spec import STARTUP_SECONDS, Environment, ServiceSpec


class ReleaseService(pulumi.ComponentResource):
    """A release on Fargate, in all zones. A new version rolls: new tasks pass their checks before old ones leave; when
    they do not, the circuit breaker goes back to the last version that ran.

    AWS then calls the service stable, and so does the provider (hashicorp/terraform-provider-aws#20858); therefore
    ``task_definition`` is what really runs, and reading another one than was asked for fails the update. The next
    update sees the difference and tries again.

    The first update sets the number of tasks, afterwards it belongs to the autoscaling.

    Outputs: ``name`` and ``arn`` of the service, ``task_definition`` (an ARN).
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    task_definition: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: ServiceSpec,
        *,
        settings: Settings,
        part: str,
        release: Release,
        agent_image: pulumi.Input[str],
        cluster: ecs.Cluster,
        execution_role: Role,
        task_role: Role,
        account: Account,
        network: Network,
        balancer: LoadBalancer,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:ReleaseService", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        tags = naming.tags(environment)
        cpu_units, memory_mb = replica_size(spec)
        group: cloudwatch.LogGroup = telemetry.service_logs
        logs = tasks.log_configuration(group.name, account.region, part)
        configuration = tasks.agent_text(telemetry.remote_write_url, account.region, release.id, part)
        service = tasks.service_container(spec, release, cpu_units=cpu_units - tasks.AGENT_CPU_UNITS, logs=logs)
        agent = tasks.agent_container(agent_image, configuration, logs=logs)
        definition = ecs.TaskDefinition(
            name,
            ecs.TaskDefinitionArgs(
                family=naming.name(environment, "task-family", part),
                requires_compatibilities=["FARGATE"],
                network_mode="awsvpc",
                cpu=str(cpu_units),
                memory=str(memory_mb),
                runtime_platform=ecs.TaskDefinitionRuntimePlatformArgs(
                    operating_system_family="LINUX", cpu_architecture="X86_64"
                ),
                execution_role_arn=execution_role.arn,
                task_role_arn=task_role.arn,
                container_definitions=pulumi.Output.json_dumps([service, agent]),
                volumes=[ecs.TaskDefinitionVolumeArgs(name=tasks.AGENT)],
                # The circuit breaker goes back to an older revision, so it must not be gone.
                skip_destroy=True,
                tags=tags,
            ),
            opts=child,
        )
        running = ecs.Service(
            name,
            ecs.ServiceArgs(
                name=naming.name(environment, "service", part),
                cluster=cluster.arn,
                launch_type="FARGATE",
                task_definition=definition.arn,
                desired_count=spec.min_replicas,
                deployment_circuit_breaker=ecs.ServiceDeploymentCircuitBreakerArgs(enable=True, rollback=True),
                deployment_minimum_healthy_percent=100,
                deployment_maximum_percent=200,
                availability_zone_rebalancing="ENABLED",
                health_check_grace_period_seconds=STARTUP_SECONDS,
                network_configuration=ecs.ServiceNetworkConfigurationArgs(
                    subnets=network.workload_subnets,
                    security_groups=[network.workload_group, balancer.service_group],
                    assign_public_ip=False,
                ),
                load_balancers=[
                    ecs.ServiceLoadBalancerArgs(
                        target_group_arn=balancer.target_groups[part].arn,
                        container_name=tasks.SERVICE,
                        container_port=spec.port,
                    )
                ],
                enable_execute_command=False,
                enable_ecs_managed_tags=True,
                propagate_tags="SERVICE",
                wait_for_steady_state=True,
                tags=tags,
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[execution_role, task_role, balancer, network],
                ignore_changes=["desiredCount"],
            ),
        )
        self.name, self.arn = running.name, running.arn
        self.task_definition = pulumi.Output.all(asked=definition.arn, runs=running.task_definition).apply(
            lambda known: _require_running(part, known["asked"], known["runs"])
        )
        Scaling(
            f"{name}-scaling",
            environment,
            spec,
            part=part,
            cluster=cluster.name,
            service=running.name,
            requests_label=pulumi.Output.format(
                "{0}/{1}", balancer.arn_suffix, balancer.target_groups[part].arn_suffix
            ),
            request_seconds=settings.request_seconds,
            opts=child,
        )
        self.register_outputs({"name": self.name, "task_definition": self.task_definition})


class RolledBackError(Exception):
    """ECS gave up on the new tasks and went back."""


def _require_running(part: str, asked: str, runs: str) -> str:
    """``runs``, when it is what was asked for."""
    if runs != asked:
        raise RolledBackError(
            f"service '{part}' runs {runs}, not {asked}: its new tasks did not become healthy and ECS went back; "
            "read the stopped tasks' reasons and the service's logs, then `pulumi up` again"
        )
    return runs
