"""What the classes of every cloud offer, as protocols that the type checker holds them to.

Network, Registry, Telemetry, Compute, Monitoring, TrainingJob and TrackingStore are ComponentResources with the type
token ``mlplatform:<cloud>:<Class>``. They take ``(name, environment, spec, *, what they need, opts)`` and are created
in this order, the last two where they are asked for. Telemetry holds the data (logs, metrics) and comes first, since
each replica writes to it from its start; Monitoring watches what Compute made. What Compute made is verified alike in
every cloud (``components/verification.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pulumi
import pulumi_docker_build as docker_build


class Registry(Protocol):
    """Where images are pushed; None for a repository means that the image stays in the local engine."""

    @property
    def serving(self) -> pulumi.Output[str] | None:
        """Repository of the service's image, with the host, without tag or digest."""
        ...

    @property
    def training(self) -> pulumi.Output[str] | None:
        """Repository of the training image."""
        ...

    @property
    def credentials(self) -> docker_build.RegistryArgs | None:
        """What a push of the deployer needs beyond its own docker login."""
        ...


class Telemetry(Protocol):
    """Where logs and metrics are kept."""

    @property
    def query_url(self) -> pulumi.Output[str]:
        """Base address of the Prometheus HTTP API, without ``/api/v1``."""
        ...


class Compute(Protocol):
    """The running service."""

    @property
    def url(self) -> pulumi.Output[str]:
        """The address that callers use, weighted between the releases."""
        ...

    @property
    def stable_url(self) -> pulumi.Output[str]:
        """An address that only the stable release answers."""
        ...

    @property
    def candidate_url(self) -> pulumi.Output[str] | None:
        """An address that only the candidate answers; None without one."""
        ...

    @property
    def deployed(self) -> Mapping[str, pulumi.Output[str]]:
        """What the cloud runs for ``stable`` and, with one, for ``candidate``; another one after each deployment."""
        ...

    @property
    def identity(self) -> pulumi.Output[str]:
        """Who the service is in the cloud (principal, role or account)."""
        ...


class Monitoring(Protocol):
    """What watches the service."""

    @property
    def dashboard_url(self) -> pulumi.Output[str]:
        """A page for people."""
        ...

    @property
    def logs_url(self) -> pulumi.Output[str]:
        """The service's logs for people: an address, or the command that shows them."""
        ...

    @property
    def alarms(self) -> Mapping[str, pulumi.Output[str]]:
        """The cloud's own alarms by what they watch: the name or id by which its API tells their state."""
        ...


class TrainingJob(Protocol):
    """Training as a job of the cloud."""

    @property
    def job(self) -> pulumi.Output[str]:
        """What to name when the job is started by hand."""
        ...

    @property
    def artifacts(self) -> pulumi.Output[str]:
        """Address of the bucket that the versioned artifacts go to."""
        ...


class TrackingStore(Protocol):
    """What an MLflow server keeps its books and files in."""

    @property
    def database(self) -> pulumi.Output[str]:
        """The database as a URL of PostgreSQL: with the user, without a password."""
        ...

    @property
    def files(self) -> pulumi.Output[str]:
        """Address of the files, as ``mlflow server --artifacts-destination`` takes it."""
        ...

    @property
    def identity(self) -> pulumi.Output[str]:
        """Who the server has to be in the cloud (identity, role or account): the only one with rights to both."""
        ...
