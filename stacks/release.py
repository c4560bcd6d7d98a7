"""What is deployed: the configured releases, or in development the one built from this checkout."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import pulumi
import pulumi_docker_build as docker_build
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto.resource_pb2 import ResourceInvokeRequest
from pulumi.runtime.settings import get_monitor

from components import naming
from components.contract import Registry
from components.image import Image
from components.release import Release, Traffic
from stacks import lease
from stacks.config import ConfigError, Settings

READ_OUTPUTS = "pulumi:pulumi:readStackOutputs"
"""The engine's own function behind a StackReference."""
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
    tells = settings.training is not None and settings.training.tracking_url is not None
    return Image(
        "training-image",
        settings.environment,
        target="train",
        # MLflow's client is in the image where there is a server to tell.
        arguments={**_arguments(settings, _last_change()), **({"TRAIN_LOCK": "registry"} if tells else {})},
        platforms=platforms,
        repository=registry.training,
        credentials=registry.credentials,
        build_on_preview=settings.build_on_preview,
    ).reference


def previous() -> dict[str, Any]:
    """This stack's own outputs of the update before, empty where there was none.

    Call it first: it asks before the engine hears of any resource, the stack's root included, and begins to write. The
    file backends do not replace a state in one step (pulumi/pulumi#9122), so a StackReference, which waits for the
    root, may find half a file. Raises LeaseError where another's rollout keeps this update away.
    """
    arguments = Struct()
    arguments.update({"name": f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"})
    request = ResourceInvokeRequest(tok=READ_OUTPUTS, args=arguments)
    answer = cast(Any, get_monitor()).Invoke(request)  # there is one wherever a program runs
    outputs = cast(dict[str, Any], MessageToDict(getattr(answer, "return")).get("outputs") or {})
    if not pulumi.runtime.is_dry_run():
        lease.admit(lease.claimed(), lease.read(outputs), time.time())
    return outputs


def served(before: Mapping[str, Any]) -> dict[str, str]:
    """Which revision each release runs as: the output ``revisions`` among those of the update ``before``."""
    return before.get("revisions") or {}


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
