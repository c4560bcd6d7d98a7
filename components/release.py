"""What is deployed: releases by digest, the traffic between them, and what a service is told of its own.

A release is refused like any other value of a spec: the error names the value, the reason and the fix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components.spec import DRAIN_SECONDS, METRICS_PORT, SHUTDOWN_SECONDS, ServiceSpec, require, require_match


@dataclass(frozen=True, kw_only=True)
class Release:
    """What is deployed: model version, image by digest, commit. The digest may only be known after a build."""

    model_version: str
    image: pulumi.Input[str]
    commit: str

    def __post_init__(self) -> None:
        require_match(r"[0-9a-f]{16}", "modelVersion", self.model_version, "copy it from the model's manifest.json")
        require_match(r"[0-9a-f]{7,40}(-dirty)?|unknown", "commit", self.commit, "write the git commit's hash")
        image: Any = self.image
        if isinstance(image, str):
            require_match(IMAGE, "image", image, "refer to it by digest, never by tag: repository@sha256:…")

    @property
    def id(self) -> pulumi.Output[str]:
        """What /health reports as the release (``release_id``)."""
        return pulumi.Output.from_input(self.image).apply(
            lambda image: release_id(self.model_version, image, self.commit)
        )


IMAGE = r"([a-z0-9][a-z0-9._:/-]*@)?sha256:[0-9a-f]{64}"
"""A repository with a digest, or the local engine's own image id."""


def release_id(model_version: str, image: str, commit: str) -> str:
    """``<model version>-<first 12 of the image's digest>-<first 12 of the commit>``, at most 42 characters."""
    return f"{model_version}-{image.rpartition('sha256:')[2][:12]}-{commit[:12]}"


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Which releases run and the share in percent of the public traffic that the candidate gets."""

    stable: Release
    candidate: Release | None = None
    candidate_weight: int = 0

    def __post_init__(self) -> None:
        weight = self.candidate_weight
        require(0 <= weight <= 100, "candidateWeight", weight, "not a percentage", "write 0 to 100")
        fix = "set candidate, or the weight to 0"
        require(weight == 0 or self.candidate is not None, "candidateWeight", weight, "there is no candidate", fix)

    @property
    def weights(self) -> tuple[int, int]:
        """The shares of stable and candidate; they sum to 100."""
        return 100 - self.candidate_weight, self.candidate_weight


def service_environment(spec: ServiceSpec, release: Release) -> dict[str, pulumi.Input[str]]:
    """The plain variables of a service container: the owner's and the platform's own."""
    return {
        **spec.env,
        "PORT": str(spec.port),
        "METRICS_PORT": str(METRICS_PORT),
        "DRAIN_SECONDS": str(DRAIN_SECONDS),
        "SHUTDOWN_SECONDS": str(SHUTDOWN_SECONDS),
        # As the rules write a bound: the two must agree to the last digit.
        "LATENCY_BUCKETS": ",".join(f"{bound:g}" for bound in spec.latency_buckets),
        "RELEASE": release.id,
    }
