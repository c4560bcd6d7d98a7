"""What a Docker engine and a build answer. Images and containers here are names only: nothing is built or run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from engine.standin import sdk_types
from engine.standin.outputs.templates import Filling, Template
from engine.standin.values import UNKNOWN, is_unknown


def facts(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    """Nothing is common to all."""
    del configuration
    return {}


def outputs(token: str, inputs: Mapping[str, Any]) -> Mapping[str, Template]:
    """Ids, and for images their digests."""
    del inputs
    return _OUTPUTS.get(token, {"id": "{hex64}"})


def address(token: str) -> list[str]:
    """The engine knows containers, networks, volumes and pulled images by their names."""
    return ["name"] if "name" in sdk_types.inputs(token) else []


def autoname(token: str) -> str | None:
    """Containers, networks and volumes may have no name of their own."""
    name = sdk_types.inputs(token).get("name")
    return "name" if name and not name.required else None


def answer(token: str, args: Mapping[str, Any], facts: Mapping[str, str]) -> dict[str, Any]:
    """An image that the engine has, by its name."""
    del facts
    if token.endswith(":getRemoteImage"):
        digest = hashlib.sha256(str(args.get("name")).encode()).hexdigest()
        return {"name": args.get("name"), "id": f"sha256:{digest}", "repoDigest": f"{args.get('name')}@sha256:{digest}"}
    raise LookupError(f"{token}({dict(args)}): the stand-in knows no such function")


def _content(image: Filling) -> str:
    """The hash of what the build is told: another model, commit or target is another image."""
    return image.digest(
        [image.inputs.get(key) for key in ("context", "dockerfile", "buildArgs", "target", "platforms")]
    )


def _digest(image: Filling) -> str:
    content = _content(image)
    return content if is_unknown(content) else f"sha256:{content}"


def _reference(image: Filling) -> str:
    """``<repository>@<digest>`` of the first name that the image is pushed under, else the digest alone."""
    exports = [export["registry"] for export in image.list("exports") if isinstance(export.get("registry"), dict)]
    names = [name for export in exports for name in export.get("names") or []] or image.list("tags")
    reference = "@".join([*names[:1], image.text("digest")])
    return UNKNOWN if is_unknown(reference) else reference


_OUTPUTS: Mapping[str, Mapping[str, Template]] = {
    "docker-build:index:Image": {"id": "{hex12}", "contextHash": _content, "digest": _digest, "ref": _reference},
    "docker:index/remoteImage:RemoteImage": {
        "id": "sha256:{hex64}{name}",
        "imageId": "sha256:{hex64}",
        "repoDigest": "{name}",
    },
    "docker:index/network:Network": {"id": "{hex64}", "scope": "local"},
    "docker:index/volume:Volume": {
        "id": "{name}",
        "driver": "local",
        "mountpoint": "/var/lib/docker/volumes/{name}/_data",
    },
    "docker:index/container:Container": {"id": "{hex64}", "bridge": "", "exitCode": 0},
}
