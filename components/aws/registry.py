"""Where images are kept: by digest, scanned, and behind tags that never move."""

from __future__ import annotations

import pulumi
import pulumi_docker_build as docker_build
from pulumi_aws import ecr

from components import naming
from components.aws.account import Account
from components.image import copied
from components.spec import Environment

KEPT_IMAGES = 100


class Registry(pulumi.ComponentResource):
    """Three private repositories: the service's images, the training images and the metrics side-car.

    Images are pushed by digest, mostly without a tag, so retention counts images instead of expiring untagged ones.
    There is no admin user; who may pull stands in each task's execution role. The deployer pushes with its own docker
    login (`aws ecr get-login-password`), so that no password passes through the state.

    Outputs: ``serving``, ``training``, ``agent`` (addresses), ``serving_arn``, ``training_arn``, ``agent_arn``.
    """

    serving: pulumi.Output[str]
    training: pulumi.Output[str]
    agent: pulumi.Output[str]
    credentials: docker_build.RegistryArgs | None = None

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        account: Account,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Registry", name, None, opts)
        self._name, self._environment, self._account = name, environment, account
        serving, training, agent = (self._repository(part) for part in ("serving", "training", "agent"))
        self.serving, self.serving_arn = serving.repository_url, serving.arn
        self.training, self.training_arn = training.repository_url, training.arn
        self.agent, self.agent_arn = agent.repository_url, agent.arn
        self.register_outputs({"serving": self.serving, "training": self.training, "agent": self.agent})

    def _repository(self, part: str) -> ecr.Repository:
        """One repository and its retention."""
        repository = ecr.Repository(
            f"{self._name}-{part}",
            ecr.RepositoryArgs(
                name=naming.name(self._environment, "repository", part),
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
                encryption_configurations=[
                    ecr.RepositoryEncryptionConfigurationArgs(encryption_type="KMS", kms_key=self._account.key_arn)
                ],
                force_delete=not self._environment.production,
                tags=naming.tags(self._environment),
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        rule = {
            "rulePriority": 1,
            "description": f"keep the last {KEPT_IMAGES}",
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": KEPT_IMAGES},
            "action": {"type": "expire"},
        }
        ecr.LifecyclePolicy(
            f"{self._name}-{part}",
            ecr.LifecyclePolicyArgs(repository=repository.name, policy=pulumi.Output.json_dumps({"rules": [rule]})),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return repository

    def mirror(self, source: str) -> pulumi.Output[str]:
        """``source``, copied into ``agent``: tasks cannot reach another registry."""
        return copied(
            f"{self._name}-agent-copy",
            source,
            repository=self.agent,
            platforms=[docker_build.Platform.LINUX_AMD64],
            opts=pulumi.ResourceOptions(parent=self),
        )
