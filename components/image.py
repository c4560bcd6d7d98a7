"""Images built from this repository, once per content, and referred to by digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_docker_build as docker_build

from components.spec import Environment

CONTEXT = "."
"""The build context, relative to Pulumi.yaml, so that the checkout's place on disk never shows as a difference."""

MIRROR = "components/mirror"
"""The build context that copies an image as it is."""


class Image(pulumi.ComponentResource):
    """An image built by this program: a development stack's, never production's.

    It is pushed by digest, without a tag that could move; with ``repository`` None it is loaded into the local engine
    as ``loaded_as``. A preview checks the Dockerfile and builds nothing unless ``build_on_preview``.

    Output ``reference``: ``repository@sha256:…``; of a loaded image ``loaded_as``, known once it is built, because the
    digest of a build is that of a manifest, by which an engine need not know what it loaded.
    """

    reference: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        target: str,
        arguments: Mapping[str, str],
        platforms: Sequence[docker_build.Platform] = (),
        repository: pulumi.Output[str] | None,
        loaded_as: str | None = None,
        credentials: docker_build.RegistryArgs | None = None,
        build_on_preview: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(f"mlplatform:{environment.cloud}:Image", name, None, opts)
        image = docker_build.Image(
            name,
            context=docker_build.BuildContextArgs(location=CONTEXT),
            target=target,
            build_args=arguments,
            platforms=list(platforms) or None,
            push=False,
            load=repository is None,
            tags=[loaded_as] if loaded_as else None,
            exports=[_by_digest(repository)] if repository else None,
            registries=[credentials] if credentials else None,
            build_on_preview=build_on_preview,
            opts=pulumi.ResourceOptions(parent=self),
        )
        if repository:
            self.reference = pulumi.Output.format("{0}@{1}", repository, image.digest)
        else:
            self.reference = image.digest.apply(lambda _: loaded_as or "")
        self.register_outputs({"reference": self.reference})


def copied(
    name: str,
    source: str,
    *,
    repository: pulumi.Output[str],
    credentials: docker_build.RegistryArgs | None = None,
    platforms: Sequence[docker_build.Platform],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """``source``, an image of another registry, copied to ``repository``; its reference there, by digest."""
    image = docker_build.Image(
        name,
        context=docker_build.BuildContextArgs(location=MIRROR),
        build_args={"SOURCE": source},
        platforms=list(platforms),
        push=False,
        exports=[_by_digest(repository)],
        registries=[credentials] if credentials else None,
        build_on_preview=False,
        opts=opts,
    )
    return pulumi.Output.format("{0}@{1}", repository, image.digest)


def _by_digest(repository: pulumi.Output[str]) -> docker_build.ExportArgs:
    """A push that names the image by its digest alone."""
    return docker_build.ExportArgs(
        registry=docker_build.ExportRegistryArgs(names=[repository], push=True, push_by_digest=True)
    )
