"""Images in registries, by skopeo: what one is made of, and its copy to another registry with the digest unchanged."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from dataclasses import dataclass

import msgspec

from delivery.unit import DeliveryError

SKOPEO = "skopeo"
LABEL = "org.opencontainers.image"
"""The prefix under which the Dockerfile says what it packed."""
_QUOTE = r"\""
"""How skopeo's log writes a quotation mark in a message."""
_LOCAL = ("localhost:", "127.0.0.1:")


class _Layer(msgspec.Struct):
    size: int


class _Manifest(msgspec.Struct):
    """An image's manifest; an index of several platforms has ``manifests`` in place of ``layers``."""

    layers: list[_Layer] = []
    manifests: list[object] = []


class _Labels(msgspec.Struct):
    labels: dict[str, str] = msgspec.field(name="Labels", default_factory=dict[str, str])


class _Config(msgspec.Struct):
    config: _Labels = msgspec.field(default_factory=_Labels)


@dataclass(frozen=True)
class Image:
    """What a registry says of an image: the model and commit that its labels name, and its compressed bytes."""

    model_version: str | None
    commit: str | None
    bytes: int


def inspect(reference: str) -> Image:
    """The image ``repository@sha256:…``; raises DeliveryError where it is not there, or is of many platforms."""
    manifest = msgspec.json.decode(
        _skopeo("inspect", *_tls("", reference), "--raw", f"docker://{reference}"), type=_Manifest
    )
    if manifest.manifests:
        raise DeliveryError(f"image {reference} is an index of several platforms; name the image of one")
    found = _skopeo("inspect", *_tls("", reference), "--config", f"docker://{reference}")
    labels = msgspec.json.decode(found, type=_Config).config.labels
    return Image(
        model_version=labels.get(f"{LABEL}.version"),
        commit=labels.get(f"{LABEL}.revision"),
        bytes=sum(layer.size for layer in manifest.layers),
    )


def copy(source: str, repository: str) -> str:
    """Copy ``source`` (``repository@sha256:…``) into another repository, byte for byte; its reference there.

    What arrived is asked for and hashed again: a manifest encoded anew would be another image. Raises DeliveryError.
    """
    digest = source.rpartition("@")[2]
    target = f"{repository}@{digest}"
    _skopeo(
        "copy", "--quiet", "--preserve-digests", *_tls("src-", source), *_tls("dest-", repository),
        f"docker://{source}", f"docker://{target}",
    )  # fmt: skip
    arrived = _skopeo("inspect", *_tls("", target), "--raw", f"docker://{target}")
    found = f"sha256:{hashlib.sha256(arrived).hexdigest()}"
    if found != digest:
        raise DeliveryError(f"the copy in {repository} is {found}, not {digest}; it must not be deployed")
    return target


def _skopeo(*arguments: str) -> bytes:
    """What skopeo prints; raises DeliveryError with its last line where it fails."""
    if shutil.which(SKOPEO) is None:
        raise DeliveryError("no skopeo on the PATH, which looks images up in registries; install it (Debian: skopeo)")
    done = subprocess.run([SKOPEO, *arguments], capture_output=True)  # noqa: S603  references are no options: docker://…
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        reason = re.search(r'msg="(.*)"$', said)
        raise DeliveryError(f"skopeo {arguments[0]}: {reason[1].replace(_QUOTE, '') if reason else said or 'failed'}")
    return done.stdout


def _tls(which: str, reference: str) -> list[str]:
    """A registry on this machine is asked without TLS, as Docker's engine does; every other one with."""
    return [f"--{which}tls-verify=false"] if reference.startswith(_LOCAL) else []
