"""Which runs of GitHub's workflows are trusted: those of one environment of one repository each."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pulumi

ISSUER = "https://token.actions.githubusercontent.com"
"""Who signs the tokens of GitHub's workflows (docs.github.com, OpenID Connect reference)."""
CLOUDS = ("azure", "aws", "gcp")


@dataclass(frozen=True)
class Identity:
    """An identity for the runs of one environment: to change the stack, or in its preview to read alone."""

    environment: str
    subject: str
    reads_only: bool


@dataclass(frozen=True)
class Workflows:
    """The repository whose workflows are trusted, and the stacks in this account that they work on."""

    cloud: str
    repository: str
    stacks: tuple[str, ...]

    @property
    def identities(self) -> list[Identity]:
        """Two for each stack: the environment named like it, and ``<stack>-preview``.

        A token's subject names the environment only if the job has entered it, and with it passed the environment's
        rules: approval, and which branches may deploy.
        """
        return [
            Identity(environment, f"repo:{self.repository}:environment:{environment}", reads_only)
            for stack in self.stacks
            for environment, reads_only in ((stack, False), (f"{stack}-preview", True))
        ]


def read() -> Workflows:
    """The configuration of this project; raises pulumi.RunError that names what is wrong with it."""
    config = pulumi.Config()
    cloud, repository = config.require("cloud"), config.require("repository")
    if cloud not in CLOUDS:
        raise pulumi.RunError(f"cloud is '{cloud}'; choose one of {', '.join(CLOUDS)}")
    if re.fullmatch(r"[\w.-]+/[\w.-]+", repository) is None:
        raise pulumi.RunError(f"repository is '{repository}'; write owner/name, without wildcards")
    stacks = tuple(str(stack) for stack in config.require_object("stacks"))
    for stack in stacks:
        if re.fullmatch(rf"{cloud}-[a-z0-9-]{{1,15}}", stack) is None:
            raise pulumi.RunError(f"stacks holds '{stack}'; name the stacks of this account, such as {cloud}-dev")
    return Workflows(cloud, repository, stacks)
