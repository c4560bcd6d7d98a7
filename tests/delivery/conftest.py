"""A trained model, keys, and registries that hold images of it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.artifact import current_version
from delivery import sbom
from delivery.release import release
from delivery.signature import Signer, Trust
from delivery.store import Store
from tests.engine.local.builder import registry

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "c0ffee" + "0" * 34
LABEL = "org.opencontainers.image"


@dataclass(frozen=True)
class Keys:
    """A pair of PEM files."""

    private: Path
    public: Path


def make_keys(folder: Path) -> Keys:
    """A new pair on the curve P-256."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    keys = Keys(folder / "key.pem", folder / "key.pub")
    pem = serialization.Encoding.PEM
    keys.private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    keys.public.write_bytes(key.public_key().public_bytes(pem, public))
    return keys


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Ours."""
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``artifacts/iris`` with a current version."""
    return train(tmp_path_factory.mktemp("trained"))


def train(folder: Path) -> Path:
    """Train the iris model into ``folder``; its directory."""
    done = subprocess.run(
        [sys.executable, "-m", "training", "--artifacts", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder / "iris"


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(trained, tmp_path / "artifacts" / "iris"))


@pytest.fixture
def version(trained: Path) -> str:
    """Its current version."""
    found = current_version(trained)
    assert found
    return found


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry."""
    with registry(tmp_path_factory.mktemp("registry") / "data") as found:
        yield found


@pytest.fixture(scope="session")
def other_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Another registry, as production has."""
    with registry(tmp_path_factory.mktemp("other-registry") / "data") as found:
        yield found


Push = Callable[..., str]


@pytest.fixture(scope="session")
def push(host: str, tmp_path_factory: pytest.TempPathFactory) -> Push:
    """``push(version, commit)``: an image with these labels is in the registry; its reference by digest."""

    def pushed(version: str, commit: str = COMMIT, *, compressed: bool = True) -> str:
        folder = tmp_path_factory.mktemp("image")
        labels = {f"{LABEL}.version": version, f"{LABEL}.revision": commit}
        digest = write_image(folder, labels, compressed=compressed)
        repository = f"{host}/serving"
        command = ["skopeo", "copy", "--quiet", "--preserve-digests", "--dest-tls-verify=false"]
        places = [f"oci:{folder}", f"docker://{repository}:new"]
        done = subprocess.run([*command, *places], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return f"{repository}@{digest}"

    return pushed


def write_image(folder: Path, labels: dict[str, str], *, compressed: bool = True) -> str:
    """An OCI image layout with one small layer (the image layout specification 1.0); the digest of its manifest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(content: bytes, kind: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    archive = b"\0" * 10240  # a tar archive without files
    packed = gzip.compress(archive, mtime=0) if compressed else archive
    layer = blob(packed, f"layer.v1.tar{'+gzip' if compressed else ''}")
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(archive).hexdigest()}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(json.dumps(config).encode(), "config.v1+json"),
        "layers": [layer],
    }
    described = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    return str(described["digest"])


@pytest.fixture(scope="session")
def bom(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bill of materials of a small environment."""
    return sbom.of_environment(write_packages(tmp_path_factory.mktemp("site-packages"), {"alpha": ("1.0", "MIT")}))


def write_packages(folder: Path, packages: dict[str, tuple[str, str]]) -> Path:
    """An environment with these packages: name → (version, licence)."""
    for name, (version, licence) in packages.items():
        metadata = folder / f"{name}-{version}.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nLicense-Expression: {licence}\n"
        )
    return folder


@pytest.fixture
def image_of(tmp_path: Path) -> Iterator[Callable[[dict[str, tuple[str, str]]], str]]:
    """Makes local images that hold these packages where the Dockerfile puts them, and nothing that could be run."""
    docker = os.environ.get("DOCKER", "docker")
    made: list[str] = []

    def image(packages: dict[str, tuple[str, str]]) -> str:
        root, archive = tmp_path / f"root{len(made)}", tmp_path / f"root{len(made)}.tar"
        root.mkdir()
        if packages:
            write_packages(root / "opt/venv/lib/python3.11/site-packages", packages)
        with tarfile.open(archive, "w") as tar:
            tar.add(root, arcname=".")
        command = [docker, "import", "--change", 'CMD ["none"]', str(archive)]
        made.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
        return made[-1]

    yield image
    subprocess.run([docker, "image", "rm", "--force", *made], check=True, capture_output=True)


@pytest.fixture
def trust(keys: Keys) -> Trust:
    """Our own key counts."""
    return Trust(public_key=keys.public)


@pytest.fixture(scope="session")
def released_once(trained: Path, push: Push, bom: bytes, keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release's directory, which no test changes."""
    model = Path(shutil.copytree(trained, tmp_path_factory.mktemp("released") / "iris"))
    version = current_version(model)
    assert version
    directory, new = release(model, push(version), bom, Signer(keys.private))
    assert new
    return directory


@pytest.fixture
def released(released_once: Path, model: Path) -> Path:
    """A copy of it among the releases of ``model``."""
    return Path(shutil.copytree(released_once, model / "releases" / released_once.name))


@pytest.fixture
def store(model: Path) -> Store:
    """Where it lies."""
    return Store(model)
