"""Training as a Container Apps job, on demand or on a schedule, and the store that it writes to."""

from __future__ import annotations

import pulumi
import pulumi_azure_native.app as app

from components import naming
from components.azure import access
from components.azure.access import Role
from components.azure.artifacts import Artifacts
from components.azure.compute import Compute
from components.azure.container_environment import PROFILE
from components.azure.network import Network
from components.azure.registry import Registry
from components.azure.settings import Settings, check_job
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.azure.variables import references, variables
from components.spec import TRAINING_ARGUMENTS, Environment, JobSpec


class TrainingJob(pulumi.ComponentResource):
    """One container that trains, writes a versioned artifact and ends; a scheduled job can be started by hand too.

    As with the service, the platform pulls the image and reads secrets with an identity that the code cannot use.

    Outputs: ``job`` (its resource id) and ``artifacts``.
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
        group: ResourceGroup,
        network: Network,
        registry: Registry,
        telemetry: Telemetry,
        compute: Compute,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:TrainingJob", name, None, opts)
        check_job(spec)
        platform = access.identity(f"{name}-platform", environment, group=group, parent=self)
        trainer = access.identity(name, environment, group=group, parent=self)
        artifacts = Artifacts(
            f"{name}-artifacts",
            environment,
            settings,
            part="artifacts",
            group=group,
            network=network,
            telemetry=telemetry,
            opts=pulumi.ResourceOptions(parent=self),
        )
        roles = [
            access.grant(f"{name}-{part}", environment, role, to=to, on=on, group=group, parent=self)
            for part, role, to, on in (
                ("pull", Role.ACR_PULL, platform, registry.registry_id),
                ("artifacts", Role.STORAGE_BLOB_DATA_CONTRIBUTOR, trainer, artifacts.container_id),
            )
        ]
        if spec.secrets:
            vault = compute.vault.vault_id
            roles.append(
                access.grant(
                    f"{name}-secrets", environment, Role.KEY_VAULT_SECRETS_USER, to=platform, on=vault, group=group,
                    parent=self,
                )
            )  # fmt: skip
        job = app.Job(
            name,
            job_name=naming.name(environment, "container-job", name),
            resource_group_name=group.group_name,
            location=group.location,
            environment_id=compute.environment_id,
            workload_profile_name=PROFILE,
            identity=app.ManagedServiceIdentityArgs(
                type=app.ManagedServiceIdentityType.USER_ASSIGNED, user_assigned_identities=[platform.id, trainer.id]
            ),
            configuration=_configuration(
                spec, platform=platform.id, trainer=trainer.id, registry=registry, vault_uri=compute.vault.uri
            ),
            template={
                "containers": [
                    {
                        "name": "training",
                        "image": image,
                        "args": list(TRAINING_ARGUMENTS),
                        "env": variables(
                            {
                                "ARTIFACTS_URL": artifacts.url,
                                # Which of the identities the Azure SDK is to use.
                                "AZURE_CLIENT_ID": trainer.client_id,
                                **spec.variables,
                            },
                            spec.secrets,
                        ),
                        "resources": {"cpu": spec.cpu, "memory": f"{spec.memory_mb / 1024:g}Gi"},
                    }
                ]
            },
            tags=naming.tags(environment),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*roles, registry.ready, artifacts.ready, compute.vault.ready],
                delete_before_replace=True,
            ),
        )
        self.job = job.id
        self.artifacts = artifacts.url
        self.register_outputs({"job": self.job, "artifacts": self.artifacts})


def _configuration(
    spec: JobSpec,
    *,
    platform: pulumi.Output[str],
    trainer: pulumi.Output[str],
    registry: Registry,
    vault_uri: pulumi.Output[str],
) -> app.JobConfigurationArgsDict:
    """When it runs, for how long, and who it is; ``platform`` and ``trainer`` are the identities' resource ids."""
    found: app.JobConfigurationArgsDict = {
        "replica_timeout": spec.timeout_seconds,
        "replica_retry_limit": 1,
        "registries": [{"server": registry.server, "identity": platform}],
        "identity_settings": [
            {"identity": platform, "lifecycle": app.IdentitySettingsLifeCycle.NONE},
            {"identity": trainer, "lifecycle": app.IdentitySettingsLifeCycle.MAIN},
        ],
        "trigger_type": app.TriggerType.SCHEDULE if spec.schedule else app.TriggerType.MANUAL,
    }
    if spec.schedule:  # one run at each time of the cron expression, in UTC
        found["schedule_trigger_config"] = {
            "cron_expression": spec.schedule,
            "parallelism": 1,
            "replica_completion_count": 1,
        }
    else:
        found["manual_trigger_config"] = {"parallelism": 1, "replica_completion_count": 1}
    if spec.secrets:
        found["secrets"] = references(vault_uri, spec.secrets, platform)
    return found
