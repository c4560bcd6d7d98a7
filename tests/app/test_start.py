"""Starting: only a proven model is served, and what is wrong is said in one line."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.artifact import CURRENT, MANIFEST, MODEL, Manifest, encode, resolve, sha256, version_of
from tests.app import models
from tests.app.service import REPOSITORY, Start, failed_start

Damage = Callable[[Path], object]


def edit_manifest(directory: Path, **changes: Any) -> None:
    """Change fields of the manifest, leaving the version as it is."""
    content = json.loads((directory / MANIFEST).read_text())
    (directory / MANIFEST).write_text(json.dumps(content | changes))


def truncate(directory: Path) -> None:
    model = directory / MODEL
    model.write_bytes(model.read_bytes()[:-1])


def alter(directory: Path) -> None:
    model = directory / MODEL
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)


def point_at_a_directory(directory: Path) -> None:
    pointer = directory.parent / CURRENT
    pointer.unlink()
    pointer.mkdir()


DAMAGES: dict[str, tuple[Damage, str, str]] = {
    "the model is missing": (lambda d: (d / MODEL).unlink(), MODEL, "No such file"),
    "the model is truncated": (truncate, MODEL, "altered or truncated"),
    "one bit of the model is flipped": (alter, MODEL, "altered or truncated"),
    "the model is a directory": (lambda d: ((d / MODEL).unlink(), (d / MODEL).mkdir()), MODEL, "directory"),
    "the manifest is missing": (lambda d: (d / MANIFEST).unlink(), MANIFEST, ""),
    "the manifest is empty": (lambda d: (d / MANIFEST).write_text(""), MANIFEST, "not a manifest"),
    "the manifest is altered": (lambda d: edit_manifest(d, target="other"), MANIFEST, "altered"),
    "the manifest is of another format": (lambda d: edit_manifest(d, format=2), MANIFEST, "format 2"),
    "the manifest has unknown fields": (lambda d: edit_manifest(d, more=1), MANIFEST, "more"),
    "the pointer is no text": (lambda d: (d.parent / CURRENT).write_bytes(b"\xff\0"), CURRENT, "is not a version"),
    "the pointer leads elsewhere": (lambda d: (d.parent / CURRENT).write_text(".."), CURRENT, "is not a version"),
    "the pointer is a directory": (point_at_a_directory, CURRENT, "directory"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_artifact_is_refused(flowers: Path, tmp_path: Path, damage: str) -> None:
    spoil, file, reason = DAMAGES[damage]
    shutil.copytree(flowers, tmp_path / "model")
    spoil(resolve(tmp_path / "model"))
    message = failed_start(tmp_path / "model")
    assert file in message
    assert reason in message
    assert failed_start(tmp_path / "model", WORKERS=2) == message


def rewritten(source: Path, target: Path, model: bytes, change: Callable[[dict[str, Any]], None]) -> Path:
    """A consistent artifact (all hashes right) with another model or other facts."""
    content = json.loads((resolve(source) / MANIFEST).read_text())
    content["files"][MODEL] = sha256(model)
    change(content)
    manifest = msgspec.convert(content, Manifest)
    manifest = msgspec.structs.replace(manifest, version=version_of(manifest))
    target.mkdir()
    (target / MANIFEST).write_bytes(encode(manifest))
    (target / MODEL).write_bytes(model)
    return target


def nothing(_: dict[str, Any]) -> None:
    """No change."""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_is_no_onnx_model_is_refused(flowers: Path, tmp_path: Path, workers: int) -> None:
    artifact = rewritten(flowers, tmp_path / "m", b"not ONNX at all", nothing)
    message = failed_start(artifact, WORKERS=workers)
    assert message.startswith(f"{artifact / MODEL}: ONNX Runtime cannot load it")


def test_a_model_for_other_features_is_refused(flowers: Path, prices: Path, tmp_path: Path) -> None:
    other = (resolve(prices) / MODEL).read_bytes()
    assert "its inputs are" in failed_start(rewritten(flowers, tmp_path / "m", other, nothing))


def test_a_model_of_another_task_is_refused(flowers: Path, tmp_path: Path) -> None:
    graph = models.Graph()
    graph.add("MatMul", "numbers", graph.constant([1.0, 1.0, 1.0, 1.0]), output="prediction")
    features = [models.number(name) for name in models.FLOWER]
    other = graph.serialize(features, classes=0)
    assert "its outputs are" in failed_start(rewritten(flowers, tmp_path / "m", other, nothing))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prediction": "virginica"}, "'virginica'"),
        ({"probabilities": [0.2, 0.3, 0.5]}, "predicts"),
        ({"probabilities": []}, "predicts"),
        ({"instance": {"sepal length (cm)": 1}}, "not one of its rows"),
    ],
)
def test_a_model_that_does_not_repeat_its_example_is_refused(
    flowers: Path, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    model = (resolve(flowers) / MODEL).read_bytes()
    artifact = rewritten(flowers, tmp_path / "m", model, lambda content: content["example"].update(change))
    assert reason in failed_start(artifact)


def test_a_feature_that_no_request_can_name_is_refused(flowers: Path, tmp_path: Path) -> None:
    model = (resolve(flowers) / MODEL).read_bytes()
    artifact = rewritten(flowers, tmp_path / "m", model, lambda content: content["features"][0].update(name='a"b'))
    assert failed_start(artifact).startswith(f"{artifact / MANIFEST}: no request can hold its features")


def test_a_model_that_fails_on_its_example_is_refused(fragile: Path, tmp_path: Path) -> None:
    model = (resolve(fragile) / MODEL).read_bytes()
    artifact = rewritten(
        fragile, tmp_path / "m", model, lambda content: content["example"]["instance"].update({"shelf": 99.0})
    )
    assert "fails on the manifest's example" in failed_start(artifact)


def test_a_path_without_an_artifact_is_refused_with_the_remedy(tmp_path: Path) -> None:
    assert "make train" in failed_start(tmp_path / "nothing")
    assert "train a model first" in failed_start(tmp_path)


def test_a_bad_setting_is_refused(flowers: Path) -> None:
    assert failed_start(flowers, WORKERS="many").startswith("WORKERS='many'")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_named_with_the_remedy(flowers: Path, workers: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = failed_start(flowers, PORT=port, WORKERS=workers)
        assert f"port {port} on 127.0.0.1 is in use; choose another with PORT=" in message
        message = failed_start(flowers, METRICS_PORT=port, WORKERS=workers)
        assert f"port {port} on 127.0.0.1 is in use; choose another with METRICS_PORT=" in message
        message = failed_start(flowers, GRPC_PORT=port, WORKERS=workers)
        assert f"port {port} on 127.0.0.1 is in use; choose another with GRPC_PORT=" in message


@pytest.mark.parametrize("workers", [1, 2])
def test_one_port_for_both_predictions_and_metrics_is_refused(flowers: Path, workers: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = failed_start(flowers, PORT=port, METRICS_PORT=port, WORKERS=workers)
    assert f"port {port} on 127.0.0.1 is in use" in message


def test_an_address_of_another_machine_is_refused(flowers: Path) -> None:
    assert "set HOST" in failed_start(flowers, HOST="192.0.2.1")


def test_workers_without_a_place_for_their_counts_are_refused(flowers: Path) -> None:
    code = "import tempfile\ndef fail(*_, **__): raise OSError(30, 'Read-only file system')\n"
    code += "tempfile.TemporaryDirectory = fail\nimport runpy; runpy.run_module('app', run_name='__main__')"
    environment = {"MODEL_PATH": str(flowers), "WORKERS": "2", "PORT": "0"}
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    assert answer.returncode == 1
    assert "set TMPDIR" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_the_start_says_where_everything_is(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers)
    assert service.process.stdout
    lines = dict(service.process.stdout.readline().split() for _ in range(3))
    assert lines == {
        "Console": f"{service.url}/",
        "Docs": f"{service.url}/docs",
        "Metrics": f"{service.url}/metrics",
    }
    (entry,) = [line for line in service.log_lines() if line["message"] == "serving"]
    assert entry["model_version"] == resolve(flowers).name


def test_serving_needs_neither_training_libraries_nor_pickle(flowers: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "import app.__main__, app.supervisor, app.worker, app.server, app.api\n"
        "from app.start import load_model\nfrom app.settings import Settings\n"
        f"load_model(Settings(model_path={str(flowers)!r}))\n"
        "print(*sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in answer.stdout.split()}
    assert not loaded & {
        "sklearn",
        "pandas",
        "onnx",
        "joblib",
        "scipy",
        "training",
        "pulumi",
        "matplotlib",
        "pyarrow",
        "grpc",
    }


def test_settings_and_hashes_are_checked_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "app"],
        cwd=REPOSITORY,
        env={"MODEL_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in answer.stderr.splitlines()}
    assert not imported & {"onnxruntime", "fastapi", "numpy", "uvicorn", "prometheus_client", "pydantic"}
