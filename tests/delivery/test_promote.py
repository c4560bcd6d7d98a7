"""Promotion copies an image between two real registries, byte for byte."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from delivery import image
from delivery.store import read
from delivery.unit import UNIT, DeliveryError
from tests.delivery.conftest import COMMIT, Keys, Push
from tests.delivery.test_command import delivery
from tests.delivery.test_verify import change

pytestmark = pytest.mark.registry

OCI = "application/vnd.oci.image.manifest.v1+json"


def manifest(reference: str) -> httpx.Response:
    """What the registry answers for the image."""
    host, _, rest = reference.partition("/")
    repository, _, digest = rest.partition("@")
    return httpx.get(f"http://{host}/v2/{repository}/manifests/{digest}", headers={"Accept": OCI})


def test_the_copy_has_the_same_digest_and_the_same_bytes(push: Push, version: str, other_host: str) -> None:
    source = push(version)
    copied = image.copy(source, f"{other_host}/prod/serving")
    assert copied == f"{other_host}/prod/serving@{source.rpartition('@')[2]}"
    assert manifest(copied).content == manifest(source).content
    assert image.inspect(copied) == image.inspect(source)
    assert image.copy(source, f"{other_host}/prod/serving") == copied, "again it is a copy of the same"


def test_a_layer_that_skopeo_would_rather_compress_is_copied_as_it_is(
    push: Push, version: str, other_host: str
) -> None:
    source = push(version, compressed=False)
    assert manifest(image.copy(source, f"{other_host}/prod/plain")).content == manifest(source).content


def test_a_copy_that_cannot_be_made_is_one_line(push: Push, version: str, host: str) -> None:
    with pytest.raises(DeliveryError, match=r"^skopeo copy: .*manifest unknown"):
        image.copy(f"{host}/serving@sha256:{'0' * 64}", f"{host}/elsewhere")
    with pytest.raises(DeliveryError, match=r"^skopeo copy: .*connection refused"):
        image.copy(push(version), "127.0.0.1:1/prod/serving")


def test_a_registry_that_answers_with_another_image_is_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "skopeo"
    program.write_text("#!/bin/sh\n[ $1 = copy ] || echo another manifest\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(DeliveryError, match="must not be deployed"):
        image.copy(f"r.test/serving@sha256:{'0' * 64}", "s.test/serving")


def test_only_a_release_that_may_be_deployed_is_promoted(
    released: Path, other_host: str, keys: Keys, tmp_path: Path
) -> None:
    arguments = ["promote", str(released), "--public-key", str(keys.public), "--to", f"{other_host}/checked"]
    change(released / UNIT, '"passed": true', '"passed": false')
    refused = delivery(tmp_path, *arguments)
    assert refused.returncode == 1
    assert "refused:" in refused.stderr
    assert "gate: failed" in refused.stderr
    unit = read(released)
    assert manifest(f"{other_host}/checked@{unit.digest}").status_code == 404
    change(released / UNIT, '"passed": false', '"passed": true')
    promoted = delivery(tmp_path, *arguments)
    assert promoted.returncode == 0, promoted.stderr
    assert promoted.stdout.strip() == f"{other_host}/checked@{unit.digest}"
    assert manifest(promoted.stdout.strip()).status_code == 200


def test_without_skopeo_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeliveryError, match="install it"):
        image.inspect(f"r.test/serving@sha256:{'0' * 64}")


def test_an_index_of_several_platforms_is_no_image_to_release(push: Push, version: str, host: str) -> None:
    single = push(version, COMMIT)
    described = {"mediaType": OCI, "digest": single.rpartition("@")[2], "size": len(manifest(single).content)}
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{**described, "platform": {"os": "linux", "architecture": "amd64"}}],
    }
    put = httpx.put(
        f"http://{host}/v2/serving/manifests/index", json=index, headers={"Content-Type": str(index["mediaType"])}
    )
    assert put.status_code == 201, put.text
    with pytest.raises(DeliveryError, match="index of several platforms"):
        image.inspect(f"{host}/serving@{put.headers['Docker-Content-Digest']}")
