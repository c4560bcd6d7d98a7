"""What is deployed: the configured releases, or in development the one built from this checkout."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
import pulumi_docker_build as docker_build

from components import naming
from components.contract import Registry
from components.image import Image
from components.spec import Release, Traffic
from stacks.config import ConfigError, Settings

LINUX_AMD64 = (docker_build.Platform.LINUX_AMD64,)
"""What the clouds run by default."""


def traffic(
    settings: Settings[Any],
    registry: Registry,
    platforms: Sequence[docker_build.Platform] = LINUX_AMD64,
    engine_id: Callable[[pulumi.Output[str]], pulumi.Output[str]] | None = None,
) -> Traffic:
    """The releases to run. Without a repository the image is known by the id that ``engine_id`` finds for its name."""
    if settings.releases:
        return settings.releases
    version = _model_version(settings)
    change = _last_change()
    image = Image(
        "image",
        settings.environment,
        target="serve",
        arguments={"MODEL_NAME": settings.model, "MODEL_VERSION": version, **_arguments(settings, change)},
        platforms=platforms,
        repository=registry.serving,
        loaded_as=f"localhost/{naming.name(settings.environment, 'image', 'serving')}:{version}" if engine_id else None,
        credentials=registry.credentials,
        build_on_preview=settings.build_on_preview,
    )
    commit = change.commit + ("-dirty" if change.dirty else "") if change else "unknown"
    reference = engine_id(image.reference) if engine_id else image.reference
    return Traffic(stable=Release(model_version=version, image=reference, commit=commit))


def training_image(
    settings: Settings[Any], registry: Registry, platforms: Sequence[docker_build.Platform] = LINUX_AMD64
) -> pulumi.Input[str]:
    """The image that the training job runs."""
    if settings.training_image:
        return settings.training_image
    return Image(
        "training-image",
        settings.environment,
        target="train",
        arguments=_arguments(settings, _last_change()),
        platforms=platforms,
        repository=registry.training,
        credentials=registry.credentials,
        build_on_preview=settings.build_on_preview,
    ).reference


def previous() -> pulumi.Output[dict[str, Any]]:
    """This stack's own outputs of the update before, empty where there was none.

    Call it before the first resource is declared: the file backends do not replace a state in one step (pulumi/pulumi
    #9122), so reading it while this update already writes there may find it empty.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    return pulumi.StackReference("previous", name).outputs.apply(lambda found: dict(found or {}))


def served(before: pulumi.Output[dict[str, Any]]) -> pulumi.Output[dict[str, str]]:
    """Which revision each release runs as: the output ``revisions`` among those of the update ``before``."""
    return before.apply(lambda found: found.get("revisions") or {})


class _Change(NamedTuple):
    """The last commit that touched what goes into the images, its time (seconds since 1970), and whether more did."""

    commit: str
    time: str
    dirty: bool


def _arguments(settings: Settings[Any], change: _Change | None) -> dict[str, str]:
    """The build arguments of both images: the base where another is asked for, and what dates and marks them."""
    base = {"BASE_IMAGE": settings.base_image} if settings.base_image else {}
    return base | ({"REVISION": change.commit, "SOURCE_DATE_EPOCH": change.time} if change else {})


def _last_change() -> _Change | None:
    """The last change of the images' inputs, so that other commits make no new release; None outside of git."""
    try:
        commit, time = _git("log", "-1", "--format=%H %ct", "--", *_INPUTS).split()
        return _Change(commit, time, dirty=bool(_git("status", "--porcelain", "--", *_INPUTS)))
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None


_INPUTS = ("app", "training", "requirements", "Dockerfile", ".dockerignore")


def _git(*arguments: str) -> str:
    """What git prints."""
    command = ["git", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603  fixed


def _model_version(settings: Settings[Any]) -> str:
    """The pinned version, or the one that ``artifacts/<model>/current`` points at."""
    if settings.model_version:
        return settings.model_version
    pointer = Path("artifacts", settings.model, "current")
    try:
        return pointer.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(
            f"model is '{settings.model}', but {pointer} cannot be read ({error.strerror}); "
            f"run `make train`, or pin a version: model: {settings.model}@<version>"
        ) from error
