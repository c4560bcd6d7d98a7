"""References to secrets that already stand in Secret Manager; no value passes through Pulumi."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.spec import SpecError

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


def parse(variable: str, reference: str, project: str) -> SecretVersion:
    """``[projects/<project>/secrets/]<name>[/versions/<version>]``, in ``project`` where it names none."""
    found = re.fullmatch(_REFERENCE, reference)
    if found is None:
        raise SpecError(
            f"service.secrets.{variable} is {reference!r}: not a secret of Secret Manager; write its name or "
            "projects/<project>/secrets/<name>/versions/<number>"
        )
    return SecretVersion(project=found["project"] or project, name=found["name"], version=found["version"] or "latest")
