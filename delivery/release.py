"""Making a release: an artifact that passed its gate, and the image that was built from it, become one signed unit."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from app.artifact import RELEASE, ArtifactError, Release, load, load_manifest
from delivery import image as images
from delivery import sbom, unit
from delivery.signature import Signer
from delivery.store import Store
from delivery.unit import DeliveryError, RefusedError


def release(
    model: Path, reference: str, bom: bytes, signer: Signer, *, version: str | None = None
) -> tuple[Path, bool]:
    """Write the release of ``model`` (``artifacts/<name>``) with an image; its directory, and whether it is new.

    The model is ``version``, or the current one. The image ``reference`` must be in its registry, and its labels must
    name that very model; the commit is the image's own, so the three cannot come apart. ``bom`` is the image's bill of
    materials.
    Raises DeliveryError, RefusedError where the model or the image is not fit.
    """
    try:
        artifact = load(model / version if version else model)
    except ArtifactError as error:
        raise DeliveryError(str(error)) from error
    manifest = artifact.manifest
    judged = verdict(artifact.directory)
    if not judged.gate.passed:
        raise RefusedError(f"{manifest.version} failed its gate: {'; '.join(judged.gate.reasons)}")
    found = images.inspect(reference)
    if found.model_version != manifest.version:
        raise RefusedError(
            f"image {reference} holds model {found.model_version}, not {manifest.version}: build it from this one "
            f"(make image NAME={manifest.name})"
        )
    made = unit.make(
        name=manifest.name,
        model_version=manifest.version,
        image=reference,
        image_bytes=found.bytes,
        commit=found.commit or "unknown",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        gate=judged.gate,
    )
    return Store(model).write(made, artifact, sbom.of_release(bom, made, manifest), signer)


def verdict(version: Path) -> Release:
    """What training said of the artifact in ``version`` when it was published.

    Raises DeliveryError where that cannot be read or is another's.
    """
    file, judged = version / RELEASE, load_manifest(version).version
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Release)
    except (OSError, msgspec.MsgspecError) as error:
        raise DeliveryError(f"{file}: {error}; without the gate's verdict there is no release: train again") from error
    if found.version != judged:
        raise DeliveryError(f"{file} is the verdict on {found.version}, not on {judged}; train again")
    return found
