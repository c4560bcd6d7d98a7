"""What computes predictions: the tree kernel where it can be trusted with a model's trees, else ONNX Runtime, alike."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.artifact import MANIFEST, Manifest, encode, load, resolve, sha256, version_of
from app.kernel import packed
from app.kernel.packed import TREES
from app.model import Model
from tests.app.kernel.ensembles import small
from tests.app.service import REPOSITORY, Service, Start, failed_start, run_copy
from tests.app.trained import loans, train_loans

pytestmark = pytest.mark.usefixtures("tree_kernel")
KERNEL = 'model_engine_info{engine="trees"}'
RUNTIME = 'model_engine_info{engine="onnxruntime"}'


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A forest on numbers, texts and booleans with gaps."""
    return train_loans(tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="module")
def with_kernel(start_service: Start, trained: Path) -> Service:
    """A server of the forest."""
    return start_service(trained)


@pytest.fixture(scope="module")
def without_kernel(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A server of the forest on a machine where no kernel was compiled."""
    code = tmp_path_factory.mktemp("code")
    shutil.copytree(REPOSITORY / "app", code / "app", ignore=shutil.ignore_patterns("*.so"))
    service = run_copy(code, trained, code / "stderr")
    yield service
    service.stop()
    service.close()


def instances(service: Service) -> list[dict[str, Any]]:
    """The rows that the forest was trained on."""
    return [row for row, _ in loans(service)]


def rewritten(source: Path, target: Path, trees: bytes) -> Path:
    """The artifact at ``source`` with other trees, all hashes right."""
    shutil.copytree(resolve(source), target)
    (target / TREES).write_bytes(trees)
    manifest = msgspec.json.decode((target / MANIFEST).read_bytes(), type=Manifest)
    manifest = msgspec.structs.replace(manifest, files={**manifest.files, TREES: sha256(trees)})
    manifest = msgspec.structs.replace(manifest, version=version_of(manifest))
    (target / MANIFEST).write_bytes(encode(manifest))
    return target


def test_a_forest_is_served_by_the_kernel_and_onnx_runtime_is_not_even_loaded(with_kernel: Service) -> None:
    metrics = with_kernel.metrics()
    assert metrics[KERNEL] == 1
    assert RUNTIME not in metrics
    mapped = Path(f"/proc/{with_kernel.process.pid}/maps").read_text()
    assert "trees.so" in mapped
    assert "onnxruntime" not in mapped


def test_without_a_kernel_onnx_runtime_serves_and_one_line_says_why(without_kernel: Service) -> None:
    assert without_kernel.metrics()[RUNTIME] == 1
    [line] = [line for line in without_kernel.log_lines() if line["severity"] == "WARNING"]
    assert "the tree kernel is not used: " in line["message"]
    assert "trees.so is not there; compile it with `python -m app.kernel.build`" in line["message"]


def test_both_answer_every_row_alike(with_kernel: Service, without_kernel: Service) -> None:
    rows = instances(with_kernel)
    answers = [
        service.client.post("/predict/batch", json={"instances": rows}).json()
        for service in (with_kernel, without_kernel)
    ]
    assert answers[0] == answers[1]
    assert len(answers[0]["predictions"]) == len(rows) > 100
    for row in rows[:20]:
        one, other = (service.client.post("/predict", json=row).json() for service in (with_kernel, without_kernel))
        assert one == other


def test_a_model_without_trees_is_served_by_onnx_runtime_without_a_word(
    flowers: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert Model(load(flowers)).engine == "onnxruntime"
    assert caplog.messages == []


@pytest.mark.parametrize("what", ["of another model", "of another kind"])
def test_trees_that_cannot_be_the_models_are_left_to_onnx_runtime(
    what: str, trained: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = packed.encode(small()) if what == "of another model" else b"nothing"
    model = Model(load(rewritten(trained, tmp_path / "artifact", content)))
    assert model.engine == "onnxruntime"
    [message] = caplog.messages
    assert f"{TREES} is {what}" in message.replace("a model with other features or classes", "another model")


def test_trees_that_were_altered_are_refused_like_any_file(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(resolve(trained), tmp_path / "artifact")
    trees = tmp_path / "artifact" / TREES
    content = bytearray(trees.read_bytes())
    content[-1] ^= 1
    trees.write_bytes(content)
    assert f"{TREES}: altered or truncated" in failed_start(tmp_path / "artifact")


def test_the_kernels_model_must_repeat_the_manifests_example(trained: Path, tmp_path: Path) -> None:
    directory = tmp_path / "artifact"
    shutil.copytree(resolve(trained), directory)
    content = json.loads((directory / MANIFEST).read_text())
    content["example"]["probabilities"].reverse()
    manifest = msgspec.convert(content, Manifest)
    manifest = msgspec.structs.replace(manifest, version=version_of(manifest))
    (directory / MANIFEST).write_bytes(encode(manifest))
    message = failed_start(directory)
    assert message.startswith(f"{directory / TREES}: predicts")
