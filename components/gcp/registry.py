"""Where images are pushed and scanned."""

from __future__ import annotations

import pulumi
import pulumi_docker_build as docker_build
import pulumi_gcp.artifactregistry as artifactregistry
import pulumi_gcp.projects as projects

from components import naming
from components.gcp.encryption import Encryption
from components.gcp.services import Services
from components.gcp.settings import Settings
from components.image import copied
from components.spec import Environment

# cloud.google.com/artifact-registry/docs/integrate-cloud-run
READER = "roles/artifactregistry.reader"
_DAY = 24 * 3600


class Registry(pulumi.ComponentResource):
    """An Artifact Registry repository whose tags never move, scanned on push, pruned by age.

    Cloud Run pulls with its own service agent, never with the identity of the container, so that agent alone may
    read. A revision keeps its own copy of its image, so pruning never breaks what runs; the newest fifty of each
    image stay for rollbacks.

    Outputs: ``serving`` and ``training`` (repositories without tag); pushes use the deployer's docker login.
    """

    serving: pulumi.Output[str]
    training: pulumi.Output[str]
    credentials: docker_build.RegistryArgs | None = None

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        settings: Settings,
        services: Services,
        encryption: Encryption | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:gcp:Registry", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=[services])
        repository = artifactregistry.Repository(
            name,
            artifactregistry.RepositoryArgs(
                project=settings.project,
                location=settings.region,
                repository_id=naming.name(environment, "repository", "images"),
                format="DOCKER",
                docker_config=artifactregistry.RepositoryDockerConfigArgs(immutable_tags=True),
                vulnerability_scanning_config=artifactregistry.RepositoryVulnerabilityScanningConfigArgs(
                    enablement_config="INHERITED"
                ),
                cleanup_policy_dry_run=False,
                cleanup_policies=[
                    artifactregistry.RepositoryCleanupPolicyArgs(
                        id="keep-newest",
                        action="KEEP",
                        most_recent_versions=artifactregistry.RepositoryCleanupPolicyMostRecentVersionsArgs(
                            keep_count=50
                        ),
                    ),
                    artifactregistry.RepositoryCleanupPolicyArgs(
                        id="delete-untagged",
                        action="DELETE",
                        condition=artifactregistry.RepositoryCleanupPolicyConditionArgs(
                            tag_state="UNTAGGED", older_than=f"{90 * _DAY}s"
                        ),
                    ),
                ],
                kms_key_name=encryption.key if encryption else None,
                labels=naming.tags(environment),
            ),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[services, *([encryption] if encryption else [])],
                protect=True,
            ),
        )
        puller = projects.ServiceIdentity(
            f"{name}-puller",
            projects.ServiceIdentityArgs(project=settings.project, service="run.googleapis.com"),
            opts=child,
        )
        artifactregistry.RepositoryIamMember(
            f"{name}-reader",
            artifactregistry.RepositoryIamMemberArgs(
                project=settings.project,
                location=settings.region,
                repository=repository.name,
                role=READER,
                member=puller.member,
            ),
            opts=child,
        )
        address = pulumi.Output.concat(
            settings.region, "-docker.pkg.dev/", settings.project, "/", repository.repository_id
        )
        self._name, self._address = name, address
        self.serving = pulumi.Output.concat(address, "/serving")
        self.training = pulumi.Output.concat(address, "/training")
        self.register_outputs({"serving": self.serving, "training": self.training})

    def copy_of(self, source: str) -> pulumi.Output[str]:
        """The image ``source`` of another registry, copied into this one: its reference by digest."""
        return copied(
            f"{self._name}-agent",
            source,
            repository=pulumi.Output.concat(self._address, "/agent"),
            platforms=[docker_build.Platform.LINUX_AMD64],
            opts=pulumi.ResourceOptions(parent=self),
        )
