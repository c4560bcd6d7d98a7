"""The registry without a server: trainings wait for it or go into it, and the commands keep it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.models import Model
from mlflow.onnx import load_model

from app.artifact import MODEL, load
from tests.training.registry.conftest import SMALL, Desk
from tests.training.registry.server import REPOSITORY


def client_of(desk: Desk) -> MlflowClient:
    return MlflowClient(f"sqlite:///{desk.artifacts / '.registry/mlflow.db'}")


def test_versions_wait_until_a_registry_is_begun_and_are_told_to_it_once_in_their_order(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ok()
    first = desk.current
    desk.ok("--seed", "1", "--set", "gate.classification.tolerance=1")
    second = desk.current
    assert not (desk.artifacts / ".registry/mlflow.db").exists()
    assert "iris: 2 told to the registry" in desk.ok("sync")
    assert desk.state(monkeypatch) == (sorted([first, second]), second, None, 0)
    assert "iris: 0 told" in desk.ok("sync")
    assert "was the current model already" in desk.ok("--seed", "1", "--set", "gate.classification.tolerance=1")
    assert desk.state(monkeypatch) == (sorted([first, second]), second, None, 0)
    experiment = client_of(desk).get_experiment_by_name("iris")
    assert experiment is not None
    assert len(client_of(desk).search_runs([experiment.experiment_id])) == 2
    assert f"{first} is the champion and the current model again, in place of {second}" in desk.ok("rollback", "iris")
    assert desk.current == first


def test_a_run_holds_parameters_metrics_plots_data_and_a_model_that_mlflow_loads(desk: Desk) -> None:
    desk.ok("retrain", "--promote")
    artifact, client = load(desk.model), client_of(desk)
    manifest = artifact.manifest
    version = client.get_model_version_by_alias("iris", "champion")
    assert version.tags["version"] == manifest.version
    assert len(version.tags["git_commit"]) >= 7
    assert version.run_id is not None
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == pytest.approx(manifest.metrics)
    assert run.data.params["train.random_forest.n_estimators"] == "5"
    assert run.data.params["train.estimator"] == "random_forest"
    assert run.data.tags["data_fingerprint"] == manifest.data.fingerprint
    assert run.inputs is not None
    [data] = run.inputs.dataset_inputs
    assert manifest.data.fingerprint.startswith(data.dataset.digest)
    plots = [file.path for file in client.list_artifacts(version.run_id, "plots")]
    assert len(plots) >= 5
    assert plots[0].endswith(".svg")
    model = Path(client.download_artifacts(version.run_id, "model", str(desk.artifacts)))
    signature = Model.load(str(model)).get_input_schema()
    assert signature is not None
    assert signature.input_names() == [feature.name for feature in manifest.features]
    assert all(column.required and column.type.name == "double" for column in signature.inputs)
    example = Model.load(str(model)).load_input_example(str(model))
    assert isinstance(example, pd.DataFrame)
    assert example.iloc[0].to_dict() == manifest.example.instance
    assert load_model(str(model)).SerializeToString(deterministic=True) == artifact.read(MODEL)


def test_retraining_on_what_is_known_makes_no_version_and_says_so_by_its_status(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "is the challenger; python -m training promote iris" in desk.ok("retrain")
    [version] = desk.versions
    again = desk.run("retrain")
    assert again.exit_code == 3
    assert f"nothing has changed: iris {version} is there already and passed the gate" in again.output
    assert "✓ train" not in again.output
    assert desk.run("retrain", "--unchanged-ok").exit_code == 0
    assert desk.state(monkeypatch) == ([version], None, version, 0)
    assert not (desk.model / "current").exists()


def test_a_challenger_replaces_the_champion_when_it_is_promoted_and_not_before(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ok("retrain", "--promote")
    champion = desk.current
    output = desk.ok("retrain", "--seed", "7", "--set", "gate.classification.tolerance=1")
    assert "held-out rows, p = " in output
    assert desk.current == champion
    [challenger] = set(desk.versions) - {champion}
    assert desk.state(monkeypatch)[1:3] == (champion, challenger)
    listed = desk.ok("list")
    assert [line.split("│")[-2].strip() for line in listed.splitlines() if "│" in line] == ["challenger", "champion"]
    compared = desk.ok("compare", "iris")
    assert "balanced_accuracy" in compared
    assert "split.seed" in compared
    assert "They learned from the same data." in compared
    assert f"iris {challenger} is the champion and the current model" in desk.ok("promote", "iris")
    assert desk.current == challenger
    assert desk.state(monkeypatch)[1:3] == (challenger, None)
    # Rolled back, it is not promoted again by a schedule that finds nothing new.
    desk.ok("rollback", "iris")
    assert "rolled back" in desk.ok("list", "iris")
    tolerant = ("--seed", "7", "--set", "gate.classification.tolerance=1")
    assert desk.run("retrain", "--promote", *tolerant).exit_code == 3
    assert desk.current == champion


def test_data_that_differ_are_told_by_the_comparison(desk: Desk, tmp_path: Path) -> None:
    table = (REPOSITORY / "examples/loans.csv").read_text().splitlines()
    for name, rows in (("all", table), ("less", table[:-5])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "loans.csv").write_text("\n".join(rows))
        options = ("--data", str(tmp_path / name / "loans.csv"), "--target", "outcome", "--promote")
        desk.ok(
            "retrain",
            *options,
            "--set",
            "gate.classification.tolerance=1",
            "--set",
            "gate.classification.over_baseline=0",
        )
    versions = [line.split("│")[1].strip() for line in desk.ok("list", "loans").splitlines() if "│" in line]
    assert "Their data differ" in desk.ok("compare", "loans", *versions)


def test_a_refused_version_is_registered_without_an_alias_and_promoted_by_force_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = desk.run("retrain", "--promote", "--set", "gate.models.iris.at_least.accuracy=1.01")
    assert result.exit_code == 1
    [version] = desk.versions
    assert desk.state(monkeypatch) == ([version], None, None, 0)
    # A scheduler's second attempt is no success.
    again = ("retrain", "--set", "gate.models.iris.at_least.accuracy=1.01")
    assert [desk.run(*again).exit_code, desk.run(*again, "--unchanged-ok").exit_code] == [3, 1]
    refused = desk.run("promote", "iris", version)
    assert refused.exit_code == 2
    assert "was refused by the gate; --force" in refused.stderr
    assert not (desk.model / "current").exists()
    desk.ok("promote", "iris", version, "--force")
    assert desk.current == version


@pytest.mark.parametrize(
    ("before", "champion_moved"),
    [
        ("import training.registry.tracking as t; t.Tracking.point = lambda *_: os.kill(os.getpid(), 9)", False),
        ("import training.registry.registry as r; r.promote = lambda *_: os.kill(os.getpid(), 9)", True),
    ],
    ids=["before the alias", "between alias and pointer"],
)
def test_a_promotion_that_is_killed_leaves_whole_versions_and_is_completed_by_the_next_command(
    before: str, champion_moved: bool, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ok("retrain", "--promote")
    old = desk.current
    desk.ok("retrain", "--seed", "7", "--set", "gate.classification.tolerance=1")
    [new] = set(desk.versions) - {old}
    process = desk.start("promote", "iris", before=before)
    process.communicate(timeout=240)
    assert process.returncode == -9
    assert load(desk.model).manifest.version == old
    assert desk.state(monkeypatch)[1] == (new if champion_moved else old)
    desk.ok("sync")
    assert desk.current == new
    assert desk.state(monkeypatch)[1:] == (new, None, 0)
    desk.ok("rollback", "iris")
    assert desk.current == old


@pytest.mark.parametrize("file", ["model.onnx", "manifest.json", "release.json"])
def test_a_version_whose_files_were_altered_in_the_registry_is_refused(file: str, desk: Desk, tmp_path: Path) -> None:
    desk.ok("retrain", "--promote")
    [stored] = (desk.artifacts / ".registry/files").rglob(file)
    stored.write_bytes(stored.read_bytes().replace(b"e", b"f", 3))
    other = Desk(tmp_path / "other", f"sqlite:///{desk.artifacts / '.registry/mlflow.db'}")
    result = other.run("fetch", "iris")
    assert result.exit_code == 2
    assert f"{desk.current} of the registry is refused" in result.stderr
    assert file in result.stderr
    assert {path.name for path in other.model.iterdir()} == {".lock"}


def test_another_whole_model_under_a_versions_name_is_refused(desk: Desk, tmp_path: Path) -> None:
    desk.ok("retrain", "--promote")
    genuine = desk.current
    desk.ok("retrain", "--seed", "7")
    [other] = set(desk.versions) - {genuine}
    [stored] = [
        path.parent
        for path in (desk.artifacts / ".registry/files").rglob("manifest.json")
        if genuine in path.read_text()
    ]
    for file in (desk.model / other).iterdir():
        (stored / file.name).write_bytes(file.read_bytes())
    result = Desk(tmp_path / "other", f"sqlite:///{desk.artifacts / '.registry/mlflow.db'}").run("fetch", "iris")
    assert result.exit_code == 2
    assert f"it is iris {other}" in result.stderr


def test_a_champion_is_fetched_verified_and_current_on_a_machine_that_has_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.ok("retrain", "--promote")
    other = Desk(tmp_path / "other", f"sqlite:///{desk.artifacts / '.registry/mlflow.db'}")
    assert "verified" in other.ok("fetch", "iris")
    fetched, original = load(other.model), load(desk.model)
    for file in original.directory.iterdir():
        assert (fetched.directory / file.name).read_bytes() == file.read_bytes()
    assert sorted(p.name for p in fetched.directory.iterdir()) == sorted(p.name for p in original.directory.iterdir())


def test_without_mlflow_a_training_succeeds_and_a_command_names_the_remedy(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    assert "MLflow is not installed" in desk.ok("retrain", "--promote")
    assert (desk.model / "current").exists()
    result = desk.run("list", "iris")
    assert result.exit_code == 2
    assert result.stderr == "error: MLflow is not installed (mlflow); make setup-registry installs it\n"


def test_the_registry_can_be_switched_off(desk: Desk) -> None:
    desk.ok("--set", "registry.enabled=false")
    assert not (desk.artifacts / ".registry").exists()


def test_nothing_is_looked_up_on_the_network(tmp_path: Path) -> None:
    """Where MLflow's usage reports are not switched off, it asks for its makers' host within this run."""
    (tmp_path / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*arguments, **_):\n"
        f"    open({str(tmp_path / 'asked')!r}, 'a').write(f'{{arguments}}\\n')\n"
        "    raise socket.gaierror('refused by the test')\n"
        "socket.getaddrinfo = refuse\n"
    )
    # MLflow is silent by itself where it finds a test or a CI system.
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": f"{tmp_path}:{REPOSITORY}"}
    command = [sys.executable, "-m", "training", "retrain", "--promote", *SMALL]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(
        (
            tmp_path / "artifacts/iris" / (tmp_path / "artifacts/iris/current").read_text().strip() / "release.json"
        ).read_text()
    )
    assert not (tmp_path / "asked").exists(), (tmp_path / "asked").read_text()
