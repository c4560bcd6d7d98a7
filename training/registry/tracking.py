"""MLflow, spoken to by its client: what a registry holds of a model, its aliases, and a version's files.

Every function raises RegistryError, in one line and without what the address may hold of a password.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.artifact import Artifact, Release
from training.errors import RegistryError

CHAMPION, CHALLENGER = "champion", "challenger"
VERSION, REPLACED, ROLLED_BACK = "version", "replaced", "rolled_back"
URI = "MLFLOW_TRACKING_URI"
# MLflow's own patience, seven tries with growing pauses, would hold up a training for minutes.
_CALM = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


@dataclass(frozen=True)
class Registered:
    """One version in the registry; ``number`` is the registry's own count, ``metrics`` are those of its run."""

    version: str
    number: str
    created: datetime
    tags: dict[str, str]
    aliases: list[str]
    metrics: dict[str, float]
    parameters: dict[str, str]


@dataclass(frozen=True)
class Entries:
    """What the registry holds of one model, the newest first."""

    name: str
    versions: list[Registered]

    def find(self, version: str) -> Registered | None:
        """The entry of a version."""
        return next((entry for entry in self.versions if entry.version == version), None)

    def holder(self, alias: str) -> Registered | None:
        """The version that an alias points at."""
        return next((entry for entry in self.versions if alias in entry.aliases), None)


class Tracking:
    """The registry at ``uri``; ``files``, for a registry without a server, is where it keeps what is uploaded."""

    def __init__(self, uri: str, files: Path | None = None) -> None:
        for name, value in _CALM.items():
            os.environ.setdefault(name, value)
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            raise RegistryError(f"MLflow is not installed ({error.name}); make setup-registry installs it") from error
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._address = _without_password(uri)
        self._uri, self._files = uri, files
        with self._readable_errors():
            self._client = MlflowClient(uri, uri)

    def names(self) -> list[str]:
        """The names of the models that are registered."""
        with self._readable_errors():
            return sorted(model.name for model in self._client.search_registered_models())

    def look(self, name: str) -> Entries:
        """What the registry holds of ``name``; versions that others registered, without our tag, are passed over."""
        with self._readable_errors():
            versions = [v for v in self._client.search_model_versions(f"name='{name}'") if VERSION in v.tags]
            if not versions:
                return Entries(name, [])
            aliases: dict[str, str] = self._client.get_registered_model(name).aliases
            experiment = self._client.get_experiment_by_name(name)
            runs = self._client.search_runs([experiment.experiment_id]) if experiment else []
        # Of equal ones, which two machines may register at the same moment, the lowest number is the one that stays.
        versions = list({v.tags[VERSION]: v for v in sorted(versions, key=lambda v: -int(v.version))}.values())
        found = {run.info.run_id: run.data for run in runs}
        entries = [
            Registered(
                version=version.tags[VERSION],
                number=str(version.version),
                created=datetime.fromtimestamp(int(version.creation_timestamp or 0) / 1000, UTC),
                tags=dict(version.tags),
                aliases=sorted(alias for alias, number in aliases.items() if str(number) == str(version.version)),
                metrics=dict(found[version.run_id].metrics) if version.run_id in found else {},
                parameters=dict(found[version.run_id].params) if version.run_id in found else {},
            )
            for version in versions
        ]
        return Entries(name, sorted(entries, key=lambda entry: int(entry.number), reverse=True))

    def register(self, artifact: Artifact, release: Release) -> None:
        """Record a version as a run and register it, once."""
        from training.registry.record import record

        with self._readable_errors():
            record(self._client, artifact, release, self._files)

    def point(self, name: str, alias: str, entry: Registered) -> None:
        """Let ``alias`` point at a version."""
        with self._readable_errors():
            self._client.set_registered_model_alias(name, alias, entry.number)

    def drop(self, name: str, alias: str) -> None:
        """Take an alias away."""
        with self._readable_errors():
            self._client.delete_registered_model_alias(name, alias)

    def tag(self, name: str, entry: Registered, key: str, value: str) -> None:
        """Set a tag of a version."""
        with self._readable_errors():
            self._client.set_model_version_tag(name, entry.number, key, value)

    def download(self, name: str, entry: Registered, into: Path) -> Path:
        """Copy a version's files below ``into``; the directory that holds them, of which nothing is verified yet."""
        from mlflow.artifacts import download_artifacts

        with self._readable_errors():
            source = self._client.get_model_version_download_uri(name, entry.number)
            return Path(download_artifacts(artifact_uri=source, dst_path=str(into), tracking_uri=self._uri))

    @contextmanager
    def _readable_errors(self) -> Generator[None]:
        """One line with the address, instead of a client's or a database's report of many."""
        from mlflow.exceptions import MlflowException
        from requests import RequestException

        expected: Any = (MlflowException, RequestException, OSError)
        try:
            yield
        except expected as error:
            line = str(error).strip().partition("\n")[0].replace(self._uri, self._address)
            raise RegistryError(f"registry {self._address}: {line[:300]}") from error


def _without_password(uri: str) -> str:
    """An address as it may be shown."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if "@" in parts.netloc else uri
