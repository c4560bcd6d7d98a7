"""A stack's file made fit for a plan without secrets, without releases and without a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from engine.workspace import KEYS

SECRET = "https://stand-in.invalid/secret"  # noqa: S105  no secret: what stands for one
MODEL_VERSION = "0" * 16
_DIGEST = f"sha256:{'0' * 64}"
RELEASE = {
    "image": f"stand-in.invalid/serving@{_DIGEST}",
    "modelVersion": MODEL_VERSION,
    "commit": "0" * 40,
}


def fill(document: Mapping[str, Any], artifacts: Path) -> tuple[dict[str, Any], list[str]]:
    """A copy of a stack's file that needs no key and nothing that is made elsewhere; and the settings put in.

    Encrypted values become ``SECRET``, and so does what a receiver names and only a deployment knows. Releases and
    images by digest that production waits for, and the model that a fresh clone has not trained, are made up.
    """
    config = cast(dict[str, Any], _without_secrets(document.get("config") or {}))
    made: dict[str, Any] = {}
    cloud = str(config.get("mlplatform:cloud"))
    own = cast(dict[str, Any], config.get(f"mlplatform:{cloud}") or {})
    for receiver in cast(list[dict[str, Any]], config.get("mlplatform:receivers") or []):
        if (key := receiver.get("secret")) and f"mlplatform:{key}" not in config:
            made[f"mlplatform:{key}"] = SECRET
    if config.get("mlplatform:image") == "build":
        model = str(config.get("mlplatform:model"))
        if "@" not in model and not (artifacts / model / "current").is_file():
            made["mlplatform:model"] = f"{model}@{MODEL_VERSION}"
    else:
        if "mlplatform:stable" not in config:
            made["mlplatform:stable"] = RELEASE
        if "mlplatform:training" in config and "mlplatform:trainingImage" not in config:
            made["mlplatform:trainingImage"] = f"stand-in.invalid/training@{_DIGEST}"
    if config.get("mlplatform:environment") == "prod" and "agentImage" not in own:
        made[f"mlplatform:{cloud}"] = {**own, "agentImage": f"stand-in.invalid/agent@{_DIGEST}"}
    kept = {key: value for key, value in document.items() if key not in KEYS}
    return {**kept, "config": {**config, **made}}, sorted(made)


def _without_secrets(value: Any) -> Any:
    """``value`` with every ``{secure: …}`` in it replaced."""
    if isinstance(value, dict):
        found = cast(dict[str, Any], value)
        return SECRET if set(found) == {"secure"} else {key: _without_secrets(each) for key, each in found.items()}
    if isinstance(value, list):
        return [_without_secrets(each) for each in cast(list[Any], value)]
    return value
