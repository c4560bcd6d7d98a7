"""Training as a Cloud Run job that writes its artifacts to a bucket."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_gcp.cloudrunv2 as cloudrun
import pulumi_gcp.cloudscheduler as cloudscheduler
import pulumi_gcp.serviceaccount as serviceaccount
from pulumi_gcp.cloudrunv2 import JobTemplateTemplateContainerEnvArgs as Variable

from components import naming
from components.gcp import secrets
from components.gcp.artifacts import Artifacts
from components.gcp.compute import INVOKER
from components.gcp.encryption import Encryption
from components.gcp.network import Network
from components.gcp.registry import Registry
from components.gcp.services import Services
from components.gcp.settings import Settings, check_job
from components.gcp.telemetry import Telemetry
from components.spec import TRAINING_ARGUMENTS, Environment, JobSpec


class TrainingJob(pulumi.ComponentResource):
    """A job, started by hand or by Cloud Scheduler, and the bucket that its artifacts go to.

    Outputs: ``job`` (its resource name) and ``artifacts`` (``gs://…``).
    """

    job: pulumi.Output[str]
    artifacts: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: JobSpec,
        *,
        settings: Settings,
        image: pulumi.Input[str],
        services: Services,
        network: Network,
        registry: Registry,
        telemetry: Telemetry,
        encryption: Encryption | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:gcp:TrainingJob", name, None, opts)
        check_job(spec)
        self._name, self._environment, self._settings = name, environment, settings
        self._child = pulumi.ResourceOptions(parent=self, depends_on=[services])
        bucket = Artifacts(
            f"{name}-artifacts",
            environment,
            "artifacts",
            settings=settings,
            services=services,
            encryption=encryption,
            parent=self,
        )
        account = self._account("training", "Identity of training")
        writer = bucket.opened_to(f"{name}-writer", account.member, self._child)
        references = secrets.parse("training", spec.secrets, settings.project)
        readers = [
            secrets.may_read(f"{name}-{secret.replace('/', '-')}", secret, account.member, self._child)
            for secret in sorted({found.secret for found in references.values()})
        ]
        job = cloudrun.Job(
            name,
            cloudrun.JobArgs(
                project=settings.project,
                location=settings.region,
                name=naming.name(environment, "job", "training"),
                deletion_protection=environment.guarded,
                template=cloudrun.JobTemplateArgs(
                    task_count=1, template=_task(spec, references, image, account.email, network.training, bucket.url)
                ),
                labels=naming.tags(environment),
            ),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[services, network, registry, telemetry, writer, *readers]
            ),
        )
        if spec.schedule:
            self._on_schedule(job, spec.schedule)
        self.job = job.id
        self.artifacts = bucket.url
        self.register_outputs({"job": self.job, "artifacts": self.artifacts})

    def _account(self, part: str, display_name: str) -> serviceaccount.Account:
        """An identity of its own."""
        return serviceaccount.Account(
            f"{self._name}-{part}",
            serviceaccount.AccountArgs(
                project=self._settings.project,
                account_id=naming.name(self._environment, "service-account", part),
                display_name=display_name,
            ),
            opts=self._child,
        )

    def _on_schedule(self, job: cloudrun.Job, schedule: str) -> None:
        """Starts the job through Cloud Run's API, with an identity that may do nothing else.

        Source: cloud.google.com/run/docs/execute/jobs-on-schedule.
        """
        starter = self._account("starter", "Starts training on its schedule")
        allowed = cloudrun.JobIamMember(
            f"{self._name}-starter",
            project=self._settings.project,
            location=self._settings.region,
            name=job.name,
            role=INVOKER,
            member=starter.member,
            opts=self._child,
        )
        cloudscheduler.Job(
            f"{self._name}-schedule",
            cloudscheduler.JobArgs(
                project=self._settings.project,
                region=self._settings.region,
                name=naming.name(self._environment, "resource", "training-schedule"),
                schedule=schedule,
                time_zone="Etc/UTC",
                http_target=cloudscheduler.JobHttpTargetArgs(
                    http_method="POST",
                    uri=pulumi.Output.concat(
                        f"https://run.googleapis.com/v2/projects/{self._settings.project}"
                        f"/locations/{self._settings.region}/jobs/",
                        job.name,
                        ":run",
                    ),
                    oauth_token=cloudscheduler.JobHttpTargetOauthTokenArgs(service_account_email=starter.email),
                ),
                retry_config=cloudscheduler.JobRetryConfigArgs(retry_count=1),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )


def _task(
    spec: JobSpec,
    references: Mapping[str, secrets.SecretVersion],
    image: pulumi.Input[str],
    account: pulumi.Output[str],
    subnet: pulumi.Output[str],
    artifacts: pulumi.Output[str],
) -> cloudrun.JobTemplateTemplateArgs:
    """One run of the training image, told where its artifacts go; a failed one waits for the next start."""
    plain = {"ARTIFACTS_URL": artifacts, **spec.variables}
    return cloudrun.JobTemplateTemplateArgs(
        service_account=account,
        execution_environment="EXECUTION_ENVIRONMENT_GEN2",
        timeout=f"{spec.timeout_seconds}s",
        max_retries=0,
        containers=[
            cloudrun.JobTemplateTemplateContainerArgs(
                name="training",
                image=image,
                args=list(TRAINING_ARGUMENTS),
                envs=[
                    *(Variable(name=name, value=value) for name, value in plain.items()),
                    *(Variable(name=name, value_source=_from(secret)) for name, secret in references.items()),
                ],
                resources=cloudrun.JobTemplateTemplateContainerResourcesArgs(
                    limits={"cpu": f"{spec.cpu:g}", "memory": f"{spec.memory_mb}Mi"}
                ),
            )
        ],
        vpc_access=cloudrun.JobTemplateTemplateVpcAccessArgs(
            egress="ALL_TRAFFIC",
            network_interfaces=[cloudrun.JobTemplateTemplateVpcAccessNetworkInterfaceArgs(subnetwork=subnet)],
        ),
    )


def _from(secret: secrets.SecretVersion) -> cloudrun.JobTemplateTemplateContainerEnvValueSourceArgs:
    """A variable's value, read from Secret Manager when a run starts."""
    return cloudrun.JobTemplateTemplateContainerEnvValueSourceArgs(
        secret_key_ref=cloudrun.JobTemplateTemplateContainerEnvValueSourceSecretKeyRefArgs(
            secret=secret.secret, version=secret.version
        )
    )
