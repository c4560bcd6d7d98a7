"""``python -m training`` as a user meets it: processes, exit statuses, words, and what lies on the disk afterwards."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from typer.testing import CliRunner, Result

from app.artifact import MODEL, Artifact, Release, current_version, load
from training.cli import app

REPOSITORY = Path(__file__).parents[2]
SMALL = ("--set", "train.random_forest.n_estimators=10")
UNCHECKED = ("--set", "validation.mode=never")  # expectations have tests of their own


def invoke(*arguments: str | Path) -> Result:
    """The command in this process: faster where no process of its own is needed."""
    return CliRunner().invoke(app, [*UNCHECKED, *(str(argument) for argument in arguments)])


def refused(*arguments: str | Path) -> str:
    """The one line that the command answers bad input with, on the standard error, with exit status 2."""
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def release_of(artifact: Artifact) -> Release:
    return msgspec.json.decode((artifact.directory / "release.json").read_bytes(), type=Release)


def answer(artifact: Artifact) -> Any:
    """What the stored graph answers to the manifest's example."""
    manifest = artifact.manifest
    instance = manifest.example.instance
    gap = {"number": np.nan, "boolean": np.nan, "category": ""}
    row = {f.name: gap[f.type] if instance[f.name] is None else instance[f.name] for f in manifest.features}
    feed: dict[str, np.ndarray] = {}
    if manifest.numbers:
        feed["numbers"] = np.array([[row[feature.name] for feature in manifest.numbers]], dtype=np.float64)
    if manifest.texts:
        feed["texts"] = np.array([[row[feature.name] for feature in manifest.texts]], dtype=object)
    outputs: Any = ort.InferenceSession(artifact.read(MODEL)).run(None, feed)
    if manifest.task == "regression":
        return float(outputs[0][0]), []
    return manifest.classes[int(outputs[0][0])], outputs[1][0].tolist()


def test_help_explains_the_pipeline_the_settings_and_the_exit_statuses() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "training", "--help"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.returncode == 0
    words = ["--data", "--target", "--set", "params.toml", "Exit status", "ingest", "gate"]
    assert [word for word in words if word not in done.stdout] == []
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert imported & {"sklearn", "pandas", "matplotlib", "onnxruntime", "great_expectations", "sqlalchemy"} == set()


def test_without_options_it_makes_the_iris_artifact(iris_artifacts: Path) -> None:
    artifact = load(iris_artifacts / "iris")
    manifest = artifact.manifest
    assert (manifest.name, manifest.task, manifest.estimator) == ("iris", "classification", "random_forest")
    assert manifest.classes == ["setosa", "versicolor", "virginica"]
    assert [(feature.name, feature.type, feature.nullable) for feature in manifest.features] == [
        (name, "number", False) for name in ("sepal_length", "sepal_width", "petal_length", "petal_width")
    ]
    assert set(manifest.files) == {"model.onnx", "trees.bin", "report.html"}
    assert manifest.metrics["accuracy"] >= 0.85
    assert manifest.data.rows == 150
    assert sum(manifest.predictions.counts) == 120
    assert all(sum(feature.distribution.counts) == 120 for feature in manifest.features)
    assert (manifest.example.prediction, manifest.example.probabilities) == answer(artifact)
    release = release_of(artifact)
    assert (release.version, release.gate.passed, release.gate.reasons) == (manifest.version, True, [])


def test_the_same_training_elsewhere_gives_the_same_bytes(iris_artifacts: Path, tmp_path: Path) -> None:
    """Another checkout with other line endings, hash seed, time zone, number of threads and working directory."""
    for folder in ("training", "app"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in tmp_path.rglob("*.py"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    done = subprocess.run(
        [sys.executable, "-m", "training"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo", "LC_ALL": "C", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, second = load(iris_artifacts / "iris"), load(tmp_path / "artifacts" / "iris")
    assert second.directory.name == first.directory.name
    for name in ("model.onnx", "manifest.json", "report.html"):
        assert (second.directory / name).read_bytes() == (first.directory / name).read_bytes()


def test_progress_and_decisions_are_plain_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    done = invoke("--artifacts", tmp_path, *SMALL)
    assert done.exit_code == 0
    assert "\x1b" not in done.stdout
    for words in ("✓ ingest", "✓ publish", "species: classification", "120 rows to train on", "is now the current"):
        assert words in done.stdout
    again = invoke("--artifacts", tmp_path, *SMALL)
    assert again.exit_code == 0
    assert "was the current model already" in again.stdout


def test_a_refused_model_is_written_with_its_verdict_and_the_current_one_stays(tmp_path: Path) -> None:
    assert invoke("--artifacts", tmp_path, *SMALL).exit_code == 0
    champion = current_version(tmp_path / "iris")
    result = invoke("--artifacts", tmp_path, *SMALL, "--seed", "7", "--set", "gate.models.iris.at_least.accuracy=1.01")
    assert result.exit_code == 1
    assert "refused: accuracy" in result.stderr
    assert f"{champion} stays current" in result.stderr
    assert current_version(tmp_path / "iris") == champion
    (other,) = [path for path in (tmp_path / "iris").iterdir() if path.is_dir() and path.name != champion]
    gate = release_of(load(other)).gate
    assert (gate.passed, gate.champion) == (False, champion)
    assert set(gate.champion_metrics) == set(load(other).manifest.metrics)


def test_the_champion_is_measured_on_the_new_rows_and_its_betters_only_replace_it(tmp_path: Path) -> None:
    """A champion with broken labels gives way; a challenger with broken labels does not get in."""
    good, bad = tmp_path / "flowers.csv", tmp_path / "bad.csv"
    table = pd.DataFrame({"size": np.arange(200.0), "kind": np.where(np.arange(200) < 100, "small", "large")})
    table.to_csv(good, index=False)
    broken = table.copy()
    broken.loc[broken.index % 3 == 0, "kind"] = "small"
    broken.to_csv(bad, index=False)

    def run(file: Path) -> Result:
        return invoke("--data", file, "--target", "kind", "--name", "m", "--artifacts", tmp_path / "a", *SMALL)

    assert run(bad).exit_code == 0
    first = current_version(tmp_path / "a" / "m")
    replacing = run(good)
    assert replacing.exit_code == 0
    assert "measured on the same held-out rows, some of which it may have been trained on" in replacing.output
    second = current_version(tmp_path / "a" / "m")
    assert first != second
    result = run(bad)
    assert result.exit_code == 1
    assert f"of the current model {second}: may be worse by 0.02 at most" in result.stderr
    assert current_version(tmp_path / "a" / "m") == second


def test_a_champion_with_other_features_is_compared_by_its_recorded_metrics(tmp_path: Path) -> None:
    assert invoke("--artifacts", tmp_path, *SMALL).exit_code == 0
    recorded = load(tmp_path / "iris").manifest.metrics
    result = invoke("--artifacts", tmp_path, *SMALL, "--ignore", "petal_length")
    assert "compared by recorded metrics" in result.output
    versions = [load(path) for path in (tmp_path / "iris").iterdir() if path.is_dir()]
    (new,) = [artifact for artifact in versions if len(artifact.manifest.features) == 3]
    assert release_of(new).gate.champion_metrics == recorded


def test_a_model_of_something_else_does_not_take_a_models_place(tmp_path: Path) -> None:
    assert invoke("--artifacts", tmp_path, *SMALL).exit_code == 0
    table = pd.DataFrame({"x": np.arange(100.0), "y": np.arange(100.0) * 2 + 0.5})
    table.to_csv(tmp_path / "other.csv", index=False)
    result = invoke("--data", tmp_path / "other.csv", "--target", "y", "--name", "iris", "--artifacts", tmp_path)
    assert result.exit_code == 1
    assert "predicts 'species' (classification), this one 'y' (regression)" in result.stderr


def test_a_current_model_that_is_damaged_is_replaced(tmp_path: Path) -> None:
    assert invoke("--artifacts", tmp_path, *SMALL).exit_code == 0
    artifact = load(tmp_path / "iris")
    (artifact.directory / "model.onnx").write_bytes(b"")
    result = invoke("--artifacts", tmp_path, *SMALL, "--seed", "1")
    assert result.exit_code == 0
    assert "cannot be served" in result.output
    assert load(tmp_path / "iris").manifest.version != artifact.manifest.version


@pytest.mark.parametrize("estimator", ["random_forest", "hist_gradient_boosting", "linear"])
def test_a_csv_with_text_booleans_and_gaps_is_trained_without_a_change(
    estimator: str, messy: pd.DataFrame, tmp_path: Path
) -> None:
    messy.to_csv(tmp_path / "My Loans.csv", index=False)
    result = invoke(
        *("--data", tmp_path / "My Loans.csv", "--target", "answer", "--ignore", "amount", "--ignore", "grade"),
        *("--estimator", estimator, "--artifacts", tmp_path),
    )
    assert result.exit_code == 0, result.output
    artifact = load(tmp_path / "my-loans")
    features = {feature.name: feature for feature in artifact.manifest.features}
    assert {name: (feature.type, feature.nullable) for name, feature in features.items()} == {
        "age": ("number", True),
        "income": ("number", True),
        "town": ("category", True),
        "owner": ("boolean", True),
        "one": ("number", False),
    }
    assert features["town"].categories == sorted(["Bern", "Zürich", "São Paulo", 'Quote "', "a,b"])
    assert artifact.manifest.classes == ["no", "yes"]
    assert artifact.manifest.data.source == "My Loans.csv"
    found = answer(artifact)
    assert (artifact.manifest.example.prediction, artifact.manifest.example.probabilities) == found


def test_diabetes_from_parquet_is_a_regression(tmp_path: Path) -> None:
    bunch: Any = load_diabetes(as_frame=True)
    bunch.frame.to_parquet(tmp_path / "diabetes.parquet")
    result = invoke("--data", tmp_path / "diabetes.parquet", "--target", "target", "--artifacts", tmp_path, *SMALL)
    assert result.exit_code == 0, result.output
    artifact = load(tmp_path / "diabetes")
    assert artifact.manifest.task == "regression"
    assert set(artifact.manifest.metrics) == {"r2", "mae", "rmse"}
    assert (artifact.manifest.example.prediction, artifact.manifest.example.probabilities) == answer(artifact)
    assert len(artifact.manifest.predictions.counts) == 10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "nowhere.csv", "--target", "y"], "nowhere.csv: no such file"),
        (["--data", "examples/loans.csv"], "the target 'species' is no column of the data (set it with --target)"),
        (["--target", "specis"], "did you mean 'species'?"),
        (["--ignore", "petal"], "--ignore petal: no such column"),
        (["--estimator", "tree"], 'train.estimator = "tree": must be one of random_forest'),
        (["--task", "guess"], 'data.task = "guess": must be one of auto'),
        (["--name", "../x"], "--name ../x: use lower-case letters"),
        (["--params", "nowhere.toml"], "nowhere.toml: No such file"),
        (["--set", "train.random_forest.n_trees=3"], "RandomForestClassifier has no such parameter"),
        (["--set", "train.random_forest.n_jobs=3"], "train.random_forest.n_jobs: cannot be set"),
        (["--set", "train.random_forest.n_estimators=-1"], "scikit-learn says: The 'n_estimators' parameter"),
        (["--set", "split.test_size=0.01"], "fewer rows than the 3 classes"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments: list[str], words: str, tmp_path: Path) -> None:
    line = refused("--artifacts", tmp_path, *arguments)
    assert line.startswith("error: ")
    assert words in line
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_the_current_model(tmp_path: Path) -> None:
    assert invoke("--artifacts", tmp_path, *SMALL).exit_code == 0
    before = load(tmp_path / "iris").manifest.version
    done = subprocess.run(
        [sys.executable, "-m", "training", "--artifacts", str(tmp_path), "--seed", "3"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"error: {tmp_path}/iris/")
    assert "File too large" in done.stderr
    assert load(tmp_path / "iris").manifest.version == before
    assert {path.name for path in (tmp_path / "iris").iterdir()} == {before, "current", ".lock"}


def test_equal_trainings_at_once_leave_one_whole_version(tmp_path: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "training", "--artifacts", str(tmp_path), *SMALL, "--seed", seed],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for seed in ("2", "2")
    ]
    outputs = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    versions = [path for path in (tmp_path / "iris").iterdir() if path.is_dir()]
    assert [load(version).directory for version in versions] == [load(tmp_path / "iris").directory]


def test_ctrl_c_ends_it_without_a_traceback_and_without_a_trace(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "training",
            "--artifacts",
            str(tmp_path),
            "--set",
            "train.random_forest.n_estimators=5000",
        ],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "split" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []
