"""Training as an ECS task: on demand by one command, and by the clock."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi_aws import ec2, ecs, scheduler, vpc

from components import naming
from components.aws import tasks
from components.aws.account import Account
from components.aws.artifacts import Artifacts
from components.aws.compute import Compute
from components.aws.groups import group_name
from components.aws.identity import execution_role, task_role
from components.aws.network import HTTPS, Network
from components.aws.policies import Role, allow
from components.aws.registry import Registry
from components.aws.schedule import scheduler_expression
from components.aws.settings import fargate_size
from components.aws.telemetry import Telemetry
from components.spec import TRAINING_ARGUMENTS, USER_ID, Environment, JobSpec

_CONTAINER = "training"


class TrainingJob(pulumi.ComponentResource):
    """The training image on Fargate, in the cluster and the private network of the service, with a bucket of its own.

    ECS has no time limit for a task, so ``timeout`` of coreutils stands before the command. Fargate offers no tmpfs:
    the container may write where the image lets its user, which is not root.

    Outputs: ``job`` (the task definition's ARN), ``artifacts`` (``s3://…``), ``command``, which starts a run by hand.
    """

    job: pulumi.Output[str]
    artifacts: pulumi.Output[str]
    command: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: JobSpec,
        *,
        image: pulumi.Input[str],
        account: Account,
        network: Network,
        registry: Registry,
        telemetry: Telemetry,
        compute: Compute,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        cpu_units, memory_mb = fargate_size("training", spec.cpu, spec.memory_mb)
        expression = scheduler_expression(spec.schedule) if spec.schedule else None
        super().__init__("mlplatform:aws:TrainingJob", name, None, opts)
        self._name, self._environment, self._network = name, environment, network
        self._child = pulumi.ResourceOptions(parent=self)
        self._groups = [network.workload_group, *([self._way_within()] if spec.tracking_url else [])]
        bucket = Artifacts(f"{name}-artifacts", environment, "artifacts", account=account, opts=self._child)
        self.artifacts = bucket.url
        starts = execution_role(
            f"{name}-execution",
            environment,
            "training-execution",
            account=account,
            repositories=[registry.training_arn],
            log_group=telemetry.training_logs.arn,
            secrets=spec.secrets.values(),
            opts=self._child,
        )
        runs = task_role(
            f"{name}-task",
            environment,
            "training-task",
            account=account,
            statements=[
                allow(["s3:ListBucket"], bucket.arn),
                # No s3:DeleteObject: a run can overwrite the pointer to the current model but destroy nothing.
                allow(["s3:GetObject", "s3:PutObject"], pulumi.Output.concat(bucket.arn, "/*")),
                allow(["kms:GenerateDataKey", "kms:Decrypt"], account.key_arn),
            ],
            opts=self._child,
        )
        container: dict[str, Any] = {
            "name": _CONTAINER,
            "image": image,
            "essential": True,
            **tasks.hardened(f"{USER_ID}:{USER_ID}"),
            "readonlyRootFilesystem": False,
            "entryPoint": ["timeout", "--kill-after=30", str(spec.timeout_seconds), "python", "-m", "training"],
            "command": list(TRAINING_ARGUMENTS),
            "environment": tasks.environment(
                {**spec.variables, "ARTIFACTS_URL": bucket.url, "AWS_REGION": account.region}
            ),
            **({"secrets": tasks.secrets(spec.secrets)} if spec.secrets else {}),
            "logConfiguration": tasks.log_configuration(telemetry.training_logs.name, account.region, _CONTAINER),
        }
        definition = ecs.TaskDefinition(
            name,
            ecs.TaskDefinitionArgs(
                family=naming.name(environment, "task-family", "training"),
                requires_compatibilities=["FARGATE"],
                network_mode="awsvpc",
                cpu=str(cpu_units),
                memory=str(memory_mb),
                runtime_platform=ecs.TaskDefinitionRuntimePlatformArgs(
                    operating_system_family="LINUX", cpu_architecture="X86_64"
                ),
                execution_role_arn=starts.arn,
                task_role_arn=runs.arn,
                container_definitions=pulumi.Output.json_dumps([container]),
                tags=naming.tags(environment),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[starts, runs]),
        )
        self.job = definition.arn
        if expression:
            self._schedule(expression, definition, compute.cluster, account, [starts.arn, runs.arn])
        place = pulumi.Output.json_dumps(
            {
                "awsvpcConfiguration": {
                    "subnets": network.workload_subnets,
                    "securityGroups": self._groups,
                    "assignPublicIp": "DISABLED",
                }
            }
        )
        self.command = pulumi.Output.format(
            "aws ecs run-task --region {0} --cluster {1} --launch-type FARGATE --task-definition {2}"
            " --network-configuration '{3}'",
            account.region,
            compute.cluster.name,
            definition.family,
            place,
        )
        self.register_outputs({"job": self.job, "artifacts": self.artifacts, "command": self.command})

    def _way_within(self) -> pulumi.Output[str]:
        """A security group that leads to HTTPS within the network: a tracking server's load balancer is there."""
        tags = naming.tags(self._environment)
        group = ec2.SecurityGroup(
            self._name,
            ec2.SecurityGroupArgs(
                vpc_id=self._network.vpc,
                name=group_name(self._environment, "training", self._network.cidr),
                description="Training: out to a tracking server in the network",
                tags=tags,
            ),
            opts=self._child,
        ).id
        vpc.SecurityGroupEgressRule(
            self._name,
            vpc.SecurityGroupEgressRuleArgs(
                security_group_id=group,
                ip_protocol="tcp",
                from_port=HTTPS,
                to_port=HTTPS,
                cidr_ipv4=self._network.cidr,
                tags=tags,
            ),
            opts=self._child,
        )
        return group

    def _schedule(
        self,
        expression: str,
        definition: ecs.TaskDefinition,
        cluster: ecs.Cluster,
        account: Account,
        passed: list[pulumi.Output[str]],
    ) -> None:
        """Start a run by the clock, in UTC; what could not be started is tried again for an hour."""
        family = pulumi.Output.format(
            "arn:aws:ecs:{0}:{1}:task-definition/{2}:*", account.region, account.id, definition.family
        )
        # docs.aws.amazon.com/AmazonECS/latest/developerguide/CWE_IAM_role.html, narrowed to this task and cluster
        role = Role(
            f"{self._name}-scheduler",
            self._environment,
            "scheduler",
            service="scheduler.amazonaws.com",
            account_id=account.id,
            statements=[
                allow(["ecs:RunTask"], family, {"ArnEquals": {"ecs:cluster": cluster.arn}}),
                allow(["iam:PassRole"], passed, {"StringLike": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}),
                allow(["ecs:TagResource"], "*", {"StringEquals": {"ecs:CreateAction": ["RunTask"]}}),
            ],
            opts=self._child,
        )
        scheduler.Schedule(
            self._name,
            scheduler.ScheduleArgs(
                name=naming.name(self._environment, "schedule", "training"),
                schedule_expression=expression,
                schedule_expression_timezone="UTC",
                flexible_time_window=scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                target=scheduler.ScheduleTargetArgs(
                    arn=cluster.arn,
                    role_arn=role.arn,
                    ecs_parameters=scheduler.ScheduleTargetEcsParametersArgs(
                        task_definition_arn=definition.arn,
                        launch_type="FARGATE",
                        task_count=1,
                        propagate_tags="TASK_DEFINITION",
                        network_configuration=scheduler.ScheduleTargetEcsParametersNetworkConfigurationArgs(
                            subnets=self._network.workload_subnets,
                            security_groups=self._groups,
                            assign_public_ip=False,
                        ),
                    ),
                    retry_policy=scheduler.ScheduleTargetRetryPolicyArgs(
                        maximum_event_age_in_seconds=3600, maximum_retry_attempts=5
                    ),
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role]),
        )
