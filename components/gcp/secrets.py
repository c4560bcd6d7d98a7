"""References to secrets that already stand in Secret Manager; no value passes through Pulumi."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_gcp.secretmanager as secretmanager

from components.spec import SpecError

# cloud.google.com/run/docs/configuring/services/secrets
SECRET_ACCESSOR = "roles/secretmanager.secretAccessor"  # noqa: S105  a role's name
# cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions: the resource's name
_REFERENCE = (
    r"(?:projects/(?P<project>[a-z0-9-]+)/secrets/)?(?P<name>[A-Za-z0-9_-]{1,255})"
    r"(?:/versions/(?P<version>[0-9]+|latest))?"
)


@dataclass(frozen=True, kw_only=True)
class SecretVersion:
    """One version of a secret; ``latest`` is resolved whenever an instance starts."""

    project: str
    name: str
    version: str

    @property
    def secret(self) -> str:
        """The secret's resource name."""
        return f"projects/{self.project}/secrets/{self.name}"


def parse(owner: str, references: Mapping[str, str], project: str) -> dict[str, SecretVersion]:
    """The secrets of ``owner`` (service, training) by variable, in ``project`` where a reference names none."""
    return {variable: _parse(f"{owner}.secrets.{variable}", found, project) for variable, found in references.items()}


def may_read(
    name: str, secret: pulumi.Input[str], member: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> secretmanager.SecretIamMember:
    """The right of ``member`` to read one secret."""
    return secretmanager.SecretIamMember(
        name, secretmanager.SecretIamMemberArgs(secret_id=secret, role=SECRET_ACCESSOR, member=member), opts=opts
    )


def _parse(key: str, reference: str, project: str) -> SecretVersion:
    """``[projects/<project>/secrets/]<name>[/versions/<version>]``."""
    found = re.fullmatch(_REFERENCE, reference)
    if found is None:
        raise SpecError(
            f"{key} is {reference!r}: not a secret of Secret Manager; write its name or "
            "projects/<project>/secrets/<name>/versions/<number>"
        )
    return SecretVersion(project=found["project"] or project, name=found["name"], version=found["version"] or "latest")
