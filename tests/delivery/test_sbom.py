"""Bills of materials: what is installed, in a form that CycloneDX' own schema accepts, the same for the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from delivery import sbom
from delivery.unit import SBOM, DeliveryError
from tests.delivery.conftest import write_packages


def test_an_environment_is_listed_with_versions_and_licences_and_nothing_beyond_it(tmp_path: Path) -> None:
    folder = write_packages(tmp_path, {"alpha": ("1.0", "MIT"), "beta": ("2.0", "Apache-2.0 OR BSD-3-Clause")})
    found = sbom.read(sbom.of_environment(folder)).packages
    assert {name: (each.version, each.license) for name, each in found.items()} == {
        "alpha": ("1.0", "MIT"),
        "beta": ("2.0", "Apache-2.0 OR BSD-3-Clause"),
    }


def test_this_environments_own_packages_are_all_there() -> None:
    found = sbom.read(sbom.of_environment(Path(pytest.__file__).parent.parent)).packages
    assert found["pytest"].version == version("pytest")
    assert found["onnxruntime"].license != sbom.UNKNOWN


def test_the_same_environment_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = write_packages(tmp_path, {"alpha": ("1.0", "MIT")})
    assert sbom.of_environment(folder) == sbom.of_environment(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff", b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "a"}]}'],
)
def test_what_the_schema_does_not_accept_is_refused(content: bytes) -> None:
    with pytest.raises(DeliveryError, match=r"not a CycloneDX 1\.6 document"):
        sbom.read(content)


@pytest.mark.registry
def test_a_releases_own_lists_image_model_and_packages(released: Path, version: str) -> None:
    document = json.loads((released / SBOM).read_bytes())
    sbom.read((released / SBOM).read_bytes())
    kinds = {each["type"]: each for each in document["components"]}
    assert document["metadata"]["component"]["version"] == released.name
    assert kinds["machine-learning-model"]["version"] == version
    assert kinds["container"]["version"].startswith("sha256:")
    assert kinds["library"]["name"] == "alpha"
    assert {"ref": "release", "dependsOn": ["image", "model"]} in document["dependencies"]


@pytest.mark.containers
def test_an_image_is_read_without_being_run(image_of: Callable[[dict[str, tuple[str, str]]], str]) -> None:
    found = sbom.read(sbom.of_image(image_of({"alpha": ("1.0", "MIT")}))).packages
    assert {name: each.version for name, each in found.items()} == {"alpha": "1.0"}
    with pytest.raises(DeliveryError, match=r"docker cp: .*/opt/venv/lib"):
        sbom.of_image(image_of({}))
    with pytest.raises(DeliveryError, match=r"docker create: .*no-such-image"):
        sbom.of_image("localhost/no-such-image:1")
