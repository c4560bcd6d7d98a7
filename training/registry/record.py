"""One version as MLflow keeps it: a run with parameters, metrics, plots, data and artifact, then a model version.

The model version comes last, so that what is registered is whole. A run that was left unfinished is taken up again.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, Metric, Param, Run, RunTag
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_GIT_COMMIT, MLFLOW_SOURCE_NAME, MLFLOW_SOURCE_TYPE

from app.artifact import MANIFEST, RELEASE, REPORT, Artifact, Manifest, Release
from training.registry.figures import write_figures
from training.registry.mlmodel import write_model_file
from training.registry.tracking import VERSION

MODEL_PATH = "model"
_DIGEST_LENGTH = 36  # of a data set, as MLflow limits it; the whole fingerprint is a tag
_PARAMETER_LENGTH = 6000
_KEY = re.compile(r"[\w .:/-]+", re.ASCII)
# Two machines that write the same row at once: MLflow's database refuses the second, by either of these.
_CONFLICTS = ("BAD_REQUEST", "RESOURCE_ALREADY_EXISTS")
_TRIES = 3


def record(client: MlflowClient, artifact: Artifact, release: Release, files: Path | None) -> None:
    """Register ``artifact`` under its name, unless its version is registered already.

    ``files`` is where the experiment keeps its files; None leaves that to the server. Raises what MLflow's client does.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            _record(client, artifact, release, files)
        except MlflowException as error:
            if error.error_code not in _CONFLICTS or not tries_left:
                raise
        else:
            return


def _record(client: MlflowClient, artifact: Artifact, release: Release, files: Path | None) -> None:
    """One attempt; what an earlier one did is found and not done again."""
    manifest = artifact.manifest
    if _registered(client, manifest):
        return
    run = _run(client, manifest, release, files)
    run_id = run.info.run_id
    at = _milliseconds(release)
    measured = manifest.metrics | {f"champion.{name}": value for name, value in release.gate.champion_metrics.items()}
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, at, 0) for name, value in measured.items()],
        params=[Param(key, value[:_PARAMETER_LENGTH]) for key, value in _parameters(manifest)],
        tags=[RunTag(key, value) for key, value in _tags(manifest, release).items()],
    )
    client.log_inputs(run_id, [DatasetInput(_dataset(manifest))])
    _upload(client, run_id, artifact)
    client.set_terminated(run_id, "FINISHED")
    try:
        client.create_registered_model(manifest.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    mine = client.create_model_version(
        manifest.name,
        source=f"{run.info.artifact_uri}/{MODEL_PATH}",
        run_id=run_id,
        tags=_tags(manifest, release),
        description=f"{manifest.estimator}, predicts {manifest.target}",
    )
    # A registry has no key on our version, and two machines may have come this far with the same one. Each sees the
    # numbers below its own: the lowest stays, the others go.
    first = min(_registered(client, manifest), key=lambda version: int(version.version))
    if int(first.version) < int(mine.version):
        client.delete_model_version(manifest.name, str(mine.version))
        if first.run_id != run_id:
            client.delete_run(run_id)


def _registered(client: MlflowClient, manifest: Manifest) -> list[ModelVersion]:
    """The registry's versions that carry this one's tag."""
    versions = client.search_model_versions(f"name='{manifest.name}'")
    return [version for version in versions if version.tags.get(VERSION) == manifest.version]


def _run(client: MlflowClient, manifest: Manifest, release: Release, files: Path | None) -> Run:
    """The run of this version: the one that an earlier attempt left, or a new one."""
    experiment = _experiment(client, manifest.name, files)
    left = client.search_runs([experiment], filter_string=f"tags.{VERSION} = '{manifest.version}'", max_results=1)
    if left:
        return left[0]
    return client.create_run(
        experiment, start_time=_milliseconds(release), tags=_tags(manifest, release), run_name=manifest.version
    )


def _experiment(client: MlflowClient, name: str, files: Path | None) -> str:
    """The id of the experiment that gathers the runs of one model."""
    if found := client.get_experiment_by_name(name):
        return found.experiment_id
    return client.create_experiment(name, artifact_location=(files / name).as_uri() if files else None)


def _upload(client: MlflowClient, run_id: str, artifact: Artifact) -> None:
    """Log the artifact's files as a model of MLflow's, and the plots beside it."""
    with tempfile.TemporaryDirectory() as scratch:
        plots, model = Path(scratch, "plots"), Path(scratch, MODEL_PATH)
        model.mkdir()
        for name in (*artifact.manifest.files, MANIFEST, RELEASE):
            shutil.copyfile(artifact.directory / name, model / name)
        write_model_file(model, artifact.manifest, run_id)
        write_figures((model / REPORT).read_text(encoding="utf-8"), plots)
        client.log_artifacts(run_id, str(plots), plots.name)
        client.log_artifacts(run_id, str(model), MODEL_PATH)


def _tags(manifest: Manifest, release: Release) -> dict[str, str]:
    """What one searches runs and versions by."""
    return {
        VERSION: manifest.version,
        "gate": "passed" if release.gate.passed else "refused",
        "task": manifest.task,
        "data": manifest.data.source,
        "data_rows": str(manifest.data.rows),
        "data_fingerprint": manifest.data.fingerprint,
        "code": manifest.code,
        "git_commit": release.git_commit or "unknown",
        "git_dirty": str(release.git_dirty).lower(),
        MLFLOW_GIT_COMMIT: release.git_commit or "",
        MLFLOW_SOURCE_NAME: "python -m training",
        MLFLOW_SOURCE_TYPE: "JOB",
    }


def _parameters(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The settings that shaped the model, a dotted key each, and the libraries' versions."""

    def flatten(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
        # Names of columns and classes may hold what MLflow's keys may not: such a table is one parameter.
        if isinstance(value, dict) and all(_KEY.fullmatch(str(key)) for key in value):
            for key, below in value.items():
                yield from flatten(f"{prefix}.{key}" if prefix else str(key), below)
        else:
            yield prefix, value if isinstance(value, str) else json.dumps(value)

    yield from flatten("", manifest.settings)
    yield from flatten("libraries", manifest.libraries)
    if manifest.search:
        yield from flatten("search.chosen", manifest.search.chosen)


def _dataset(manifest: Manifest) -> Dataset:
    """The data as MLflow lists it among a run's inputs."""
    data = manifest.data
    return Dataset(
        name=data.source,
        digest=data.fingerprint[:_DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": data.source}),
        profile=json.dumps({"num_rows": data.rows}),
    )


def _milliseconds(release: Release) -> int:
    """When the version was made, as MLflow counts time."""
    return int(datetime.fromisoformat(release.created).timestamp() * 1000)
