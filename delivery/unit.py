"""The release unit: model version, image digest and commit as one record, with what they were judged by.

A release is a directory ``artifacts/<name>/releases/<id>/``, written once: the model's files as training published
them (``app.artifact``), the training's verdict ``release.json`` of that day, the software bill of materials of the
image, this record ``unit.json``, and a signature over all of them. It refers to nothing outside but the image.
"""

from __future__ import annotations

import re

import msgspec

from app.artifact import Gate
from components.release import IMAGE, release_id

FORMAT = 1
UNIT = "unit.json"
"""This record; ``release.json`` beside it is training's own."""
SBOM = "sbom.cdx.json"
SIGNATURE = "model.sig"
COMMIT = r"[0-9a-f]{40}"
"""A whole commit: what was built from a checkout with changes is no release."""


class DeliveryError(Exception):
    """What cannot be delivered and why, in one line with the remedy."""


class RefusedError(DeliveryError):
    """A release that must not be made, promoted or deployed."""


class Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is deployed together. ``image`` is where it was built, by digest; ``created`` is RFC 3339."""

    format: int
    id: str
    name: str
    model_version: str
    image: str
    image_bytes: int
    commit: str
    created: str
    gate: Gate

    @property
    def digest(self) -> str:
        """The image's digest, ``sha256:…``, the same in every registry."""
        return self.image.rpartition("@")[2]


def make(*, name: str, model_version: str, image: str, image_bytes: int, commit: str, created: str, gate: Gate) -> Unit:
    """The unit of these parts; ``image_bytes`` is the size of its compressed layers.

    Raises DeliveryError for an image that is not by digest or a commit that names no clean checkout.
    """
    if re.fullmatch(IMAGE, image) is None or "@" not in image:
        raise DeliveryError(f"image {image}: refer to it by digest in a registry, repository@sha256:…")
    if re.fullmatch(COMMIT, commit) is None:
        raise DeliveryError(
            f"commit {commit}: a release is built from a clean checkout; commit first, then build again"
        )
    return Unit(
        format=FORMAT,
        id=release_id(model_version, image, commit),
        name=name,
        model_version=model_version,
        image=image,
        image_bytes=image_bytes,
        commit=commit,
        created=created,
        gate=gate,
    )


def decode(content: bytes, source: str) -> Unit:
    """The record in ``content``, which must be of this format and carry the id of its parts; ``source`` names it.

    Raises DeliveryError.
    """
    try:
        unit = msgspec.json.decode(content, type=Unit)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DeliveryError(f"{source}: not a release unit ({error})") from error
    if unit.format != FORMAT:
        raise DeliveryError(f"{source}: format {unit.format} is not the one read here ({FORMAT}); release again")
    parts = make(**{key: getattr(unit, key) for key in _PARTS})
    if parts.id != unit.id:
        raise DeliveryError(f"{source}: altered; it says {unit.id}, its parts are {parts.id}")
    return unit


def same(one: Unit, other: Unit) -> bool:
    """Whether both name the same model, the same image bytes and the same commit, wherever the image lies."""
    return _identity(one) == _identity(other)


def _identity(unit: Unit) -> tuple[str, ...]:
    return unit.name, unit.model_version, unit.digest, unit.commit


_PARTS = ("name", "model_version", "image", "image_bytes", "commit", "created", "gate")
