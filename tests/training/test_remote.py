"""Training with an object store: the champion comes from there, and the version and the pointer go there."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.artifact import current_version, load
from training.cli import app

SMALL = ("--set", "train.random_forest.n_estimators=5")


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """A directory that stands for a bucket."""
    (tmp_path / "bucket").mkdir()
    return tmp_path / "bucket"


def run(artifacts: Path, bucket: Path, *arguments: str) -> Result:
    """A training whose store is named by the environment, as in a cloud's job."""
    environment = {"ARTIFACTS_URL": f"file://{bucket}"}
    return CliRunner().invoke(app, ["--artifacts", str(artifacts), *SMALL, *arguments], env=environment)


def test_a_version_is_uploaded_whole_and_the_pointer_follows(tmp_path: Path, bucket: Path) -> None:
    result = run(tmp_path / "a", bucket)
    assert result.exit_code == 0, result.output
    local, remote = load(tmp_path / "a" / "iris"), load(bucket / "iris")
    assert remote.manifest == local.manifest
    assert {file.name for file in remote.directory.iterdir()} == {file.name for file in local.directory.iterdir()}


def test_a_fresh_machine_meets_the_stores_champion_and_a_refused_model_leaves_its_pointer(
    tmp_path: Path, bucket: Path
) -> None:
    assert run(tmp_path / "a", bucket).exit_code == 0
    champion = current_version(bucket / "iris")
    result = run(tmp_path / "b", bucket, "--seed", "5", "--set", "gate.classification.at_least.accuracy=1.1")
    assert result.exit_code == 1
    assert f"{champion} stays current" in result.stderr
    assert current_version(bucket / "iris") == champion
    assert load(tmp_path / "b" / "iris").manifest.version == champion
    assert len([path for path in (bucket / "iris").iterdir() if path.is_dir()]) == 2


def test_a_store_that_cannot_be_reached_is_one_line_before_the_training(tmp_path: Path, bucket: Path) -> None:
    bucket.rmdir()
    bucket.write_text("a file, not a directory")
    result = run(tmp_path / "a", bucket)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert f"file://{bucket}/iris/" in result.stderr
    assert "ingest" not in result.stdout
    assert not (tmp_path / "a").exists()


def test_a_store_that_refuses_the_upload_is_one_line_and_the_local_model_is_kept(tmp_path: Path, bucket: Path) -> None:
    assert run(tmp_path / "a", bucket).exit_code == 0
    version = str(current_version(bucket / "iris"))
    full = tmp_path / "full"
    (full / "iris").mkdir(parents=True)
    (full / "iris" / version).write_text("a file where the version's directory would be")
    result = run(tmp_path / "b", full)
    assert result.exit_code == 2
    assert f"file://{full}/iris/{version}/" in result.stderr
    assert current_version(full / "iris") is None
    assert load(tmp_path / "b" / "iris").manifest.version == version


def test_a_damaged_champion_in_the_store_is_named(tmp_path: Path, bucket: Path) -> None:
    assert run(tmp_path / "a", bucket).exit_code == 0
    version = current_version(bucket / "iris")
    model = bucket / "iris" / str(version) / "model.onnx"
    model.write_bytes(model.read_bytes()[:-1])
    result = run(tmp_path / "b", bucket)
    assert result.exit_code == 2
    assert f"file://{model}: altered or truncated; restore it" in result.stderr
    model.unlink()
    assert f"file://{model}: missing" in run(tmp_path / "b", bucket).stderr


def test_an_address_that_no_store_has_is_refused_before_the_training(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--artifacts", str(tmp_path), "--store", "ftp://x/y"])
    assert result.exit_code == 2
    assert "--store ftp://x/y: " in result.stderr
    assert list(tmp_path.iterdir()) == []
