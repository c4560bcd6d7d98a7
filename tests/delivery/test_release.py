"""A release is made of a model that passed and the very image built from it, once, and is never written again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from app.artifact import RELEASE
from components.release import release_id
from delivery import release as releases
from delivery.release import release
from delivery.signature import Signer
from delivery.store import Store, read
from delivery.unit import SIGNATURE, UNIT, DeliveryError, RefusedError
from tests.delivery.conftest import COMMIT, Keys, Push

pytestmark = pytest.mark.registry


def edit(file: Path, **changes: object) -> None:
    """Change fields of a JSON file."""
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_a_release_names_model_image_and_commit_and_holds_the_artifact(released: Path, version: str) -> None:
    unit = read(released)
    assert (unit.model_version, unit.commit) == (version, COMMIT)
    assert unit.id == released.name == release_id(version, unit.image, COMMIT)
    assert unit.image_bytes == len(gzip.compress(b"\0" * 10240, mtime=0))
    assert {each.name for each in released.iterdir()} == {
        "model.onnx", "trees.bin", "manifest.json", "report.html", "release.json", "sbom.cdx.json", UNIT, SIGNATURE,
    }  # fmt: skip


def test_making_it_again_changes_nothing_not_even_its_time(released: Path, model: Path, bom: bytes, keys: Keys) -> None:
    before = {file.name: file.read_bytes() for file in released.iterdir()}
    edit(model / read(released).model_version / RELEASE, created="2030-01-01T00:00:00+00:00")
    directory, new = release(model, read(released).image, bom, Signer(keys.private))
    assert (directory, new) == (released, False)
    assert {file.name: file.read_bytes() for file in released.iterdir()} == before


def test_another_release_with_the_same_id_is_refused_and_nothing_overwritten(
    released: Path, model: Path, version: str, push: Push, bom: bytes, keys: Keys
) -> None:
    (released / UNIT).chmod(0o644)
    image = read(released).image
    edit(released / UNIT, image=image[:-1] + ("0" if image[-1] != "0" else "1"))  # the id holds the first twelve digits
    before = (released / UNIT).read_bytes()
    with pytest.raises(DeliveryError, match="another release with the same id"):
        release(model, push(version), bom, Signer(keys.private))
    assert (released / UNIT).read_bytes() == before


def test_a_model_that_failed_its_gate_is_refused_with_the_gates_reasons(
    model: Path, version: str, push: Push, bom: bytes, keys: Keys
) -> None:
    gate = {"passed": False, "reasons": ["accuracy 0.5 must be at least 0.9"], "champion": None, "champion_metrics": {}}
    edit(model / version / RELEASE, gate=gate)
    with pytest.raises(RefusedError, match=r"failed its gate: accuracy 0\.5"):
        release(model, push(version), bom, Signer(keys.private))
    assert Store(model).all() == []


def test_a_verdict_that_is_missing_or_on_another_model_is_none(model: Path, version: str) -> None:
    edit(model / version / RELEASE, version="f" * 16)
    with pytest.raises(DeliveryError, match="is the verdict on ffffffffffffffff"):
        releases.verdict(model / version)
    (model / version / RELEASE).unlink()
    with pytest.raises(DeliveryError, match="no release: train again"):
        releases.verdict(model / version)


def test_an_image_of_another_model_is_refused(model: Path, push: Push, bom: bytes, keys: Keys) -> None:
    with pytest.raises(RefusedError, match="holds model ffffffffffffffff, not"):
        release(model, push("f" * 16), bom, Signer(keys.private))


@pytest.mark.parametrize("commit", [f"{COMMIT}-dirty", "unknown", "c0ffee0"])
def test_an_image_that_no_clean_checkout_made_is_refused(
    commit: str, model: Path, version: str, push: Push, bom: bytes, keys: Keys
) -> None:
    with pytest.raises(DeliveryError, match=f"commit {commit}: a release is built from a clean checkout"):
        release(model, push(version, commit), bom, Signer(keys.private))


def test_an_image_that_is_not_in_its_registry_or_named_by_tag_is_refused(
    model: Path, host: str, bom: bytes, keys: Keys, push: Push, version: str
) -> None:
    with pytest.raises(DeliveryError, match=r"^skopeo inspect: Error parsing image name .* manifest unknown$"):
        release(model, f"{host}/serving@sha256:{'0' * 64}", bom, Signer(keys.private))
    push(version)
    with pytest.raises(DeliveryError, match="refer to it by digest"):
        release(model, f"{host}/serving:new", bom, Signer(keys.private))


def test_an_artifact_that_was_altered_is_not_released(
    model: Path, version: str, push: Push, bom: bytes, keys: Keys
) -> None:
    (model / version / "model.onnx").write_bytes(b"another")
    with pytest.raises(DeliveryError, match="altered or truncated"):
        release(model, push(version), bom, Signer(keys.private))


def test_without_a_key_that_can_sign_there_is_no_release(
    model: Path, version: str, push: Push, bom: bytes, tmp_path: Path
) -> None:
    with pytest.raises(DeliveryError, match="cannot sign with"):
        release(model, push(version), bom, Signer(tmp_path / "no.pem"))
    assert [path.name for path in (model / "releases").iterdir()] == []


def test_a_release_is_found_by_the_beginning_of_its_id_and_only_if_that_means_one(
    released: Path, store: Store, model: Path, version: str, push: Push, bom: bytes, keys: Keys
) -> None:
    assert store.find(version) == released
    second, _ = release(model, push(version, "d" * 40), bom, Signer(keys.private))
    assert store.all() == sorted([released, second])
    assert store.find(second.name) == second
    with pytest.raises(DeliveryError, match="write more of it"):
        store.find(version)
    with pytest.raises(DeliveryError, match="no release nothing"):
        store.find("nothing")
