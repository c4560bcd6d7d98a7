"""The local registry: the engine itself, which keeps what it builds."""

from __future__ import annotations

import pulumi
import pulumi_docker_build as docker_build

from components.spec import Environment


class Registry(pulumi.ComponentResource):
    """No repository: images stay in the engine and are named by its ids."""

    serving: pulumi.Output[str] | None = None
    training: pulumi.Output[str] | None = None
    credentials: docker_build.RegistryArgs | None = None

    def __init__(self, name: str, environment: Environment, *, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"mlplatform:{environment.cloud}:Registry", name, None, opts)
        self.register_outputs({"serving": self.serving, "training": self.training})
