"""Software bills of materials in CycloneDX: of an image's Python environment, and of a release."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from app.artifact import MODEL, Manifest
from delivery.unit import DeliveryError, Unit

if TYPE_CHECKING:
    from cyclonedx.validation.json import JsonStrictValidator

VERSION = "1.6"
"""The CycloneDX version written and read."""
PACKAGES = "/opt/venv/lib"
"""Where the Dockerfile puts the environment."""
UNKNOWN = "unknown"


class License(msgspec.Struct):
    """A licence by its SPDX id, or by the name that a package gives it."""

    id: str | None = None
    name: str | None = None


class LicenseChoice(msgspec.Struct):
    """A licence, or an SPDX expression over several."""

    license: License | None = None
    expression: str | None = None

    def __str__(self) -> str:
        return self.expression or (self.license and (self.license.id or self.license.name)) or UNKNOWN


class Component(msgspec.Struct):
    """A package, image or model of a bill of materials; more fields than these are passed over."""

    name: str
    type: str = "library"
    version: str = ""
    licenses: list[LicenseChoice] = []

    @property
    def license(self) -> str:
        """The licences, sorted; ``unknown`` where a package names none."""
        return ", ".join(sorted({str(choice) for choice in self.licenses})) or UNKNOWN


class Bom(msgspec.Struct):
    """What is read of a bill of materials."""

    components: list[Component] = []

    @property
    def packages(self) -> dict[str, Component]:
        """The Python packages by name."""
        return {each.name: each for each in self.components if each.type == "library"}


def read(content: bytes) -> Bom:
    """The bill of materials in ``content``, valid by CycloneDX' own schema; raises DeliveryError."""
    try:
        if invalid := _validator().validate_str(content.decode()):
            raise DeliveryError(f"not a CycloneDX {VERSION} document: {' '.join(str(invalid).split())[:200]}")
        return msgspec.json.decode(content, type=Bom)
    except (ValueError, msgspec.MsgspecError) as error:
        raise DeliveryError(f"not a CycloneDX {VERSION} document: {error}") from error


@functools.cache
def _validator() -> JsonStrictValidator:
    """The validator; it and its schemas take seconds to load, which only those wait for who need them."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
    from jsonschema import Draft7Validator

    # Parsing one address takes this check a tenth of a second, all of an image's packages a minute; the addresses come
    # from the packages' own metadata and are not followed.
    Draft7Validator.FORMAT_CHECKER.checkers.pop("iri-reference", None)
    return JsonStrictValidator(SchemaVersion.V1_6)


def of_environment(site_packages: Path) -> bytes:
    """The packages installed in ``site_packages``, without times: equal environments give equal bytes."""
    # By PYTHONPATH and -S the interpreter that is asked sees these packages alone; by -I the one that asks does not.
    command = [sys.executable, "-I", "-m", "cyclonedx_py", "environment", "-S", "--output-reproducible"]
    options = ["--no-validate", "--output-format", "JSON", "--spec-version", VERSION, sys.executable]
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [*command, *options], env={**os.environ, "PYTHONPATH": str(site_packages)}, capture_output=True
    )
    if done.returncode != 0:
        raise DeliveryError(f"cyclonedx-py: {(done.stderr.decode(errors='replace').splitlines() or ['failed'])[-1]}")
    return _checked(json.loads(done.stdout))


def of_image(image: str) -> bytes:
    """The Python packages of a local image, read from its files without running it; raises DeliveryError."""
    docker = os.environ.get("DOCKER", "docker")
    container = _engine(docker, "create", image)
    try:
        with tempfile.TemporaryDirectory() as folder:
            _engine(docker, "cp", f"{container}:{PACKAGES}", folder)
            found = sorted(Path(folder).glob("lib/python*/site-packages"))
            if len(found) != 1:
                raise DeliveryError(f"{image} has {len(found)} Python environments in {PACKAGES}, not one")
            return of_environment(found[0])
    finally:
        _engine(docker, "rm", "--force", container)


def of_release(environment: bytes, unit: Unit, manifest: Manifest) -> bytes:
    """``environment``, the image's packages, with the image and the model that make the release of them."""
    document: dict[str, Any] = json.loads(environment)
    read(environment)
    digest = unit.digest.removeprefix("sha256:")
    image = {
        "type": "container",
        "bom-ref": "image",
        "name": unit.image.rpartition("@")[0],
        "version": unit.digest,
        "hashes": [{"alg": "SHA-256", "content": digest}],
    }
    model = {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": unit.name,
        "version": unit.model_version,
        "hashes": [{"alg": "SHA-256", "content": manifest.files[MODEL]}],
        "modelCard": {
            "modelParameters": {"task": manifest.task, "architectureFamily": manifest.estimator},
            "quantitativeAnalysis": {
                "performanceMetrics": [
                    {"type": key, "value": f"{value:g}"} for key, value in sorted(manifest.metrics.items())
                ]
            },
        },
    }
    document["metadata"]["component"] = {
        "type": "application",
        "bom-ref": "release",
        "name": unit.name,
        "version": unit.id,
    }
    packages = [each["bom-ref"] for each in document.get("components", [])]
    document["components"] = [image, model, *document.get("components", [])]
    document["dependencies"] = [
        {"ref": "release", "dependsOn": ["image", "model"]},
        {"ref": "image", "dependsOn": ["model", *packages]},
        *document.get("dependencies", []),
    ]
    return _checked(document)


def _checked(document: dict[str, Any]) -> bytes:
    """The bytes of a document that the schema accepts."""
    content = json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"
    read(content)
    return content


def _engine(docker: str, *arguments: str) -> str:
    """What the container engine prints."""
    try:
        done = subprocess.run([docker, *arguments], capture_output=True, text=True)  # noqa: S603 - fixed commands
    except OSError as error:
        raise DeliveryError(f"{docker}: {error.strerror}; install Docker, or name another by DOCKER") from error
    if done.returncode != 0:
        raise DeliveryError(f"{docker} {arguments[0]}: {' '.join(done.stderr.split()) or 'failed'}")
    return done.stdout.strip()
