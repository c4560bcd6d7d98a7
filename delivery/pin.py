"""Writing a release, or a model's version, into a stack's file: the desired state, in git, with its comments kept."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from delivery.steps import Serving
from delivery.unit import DeliveryError, Unit

Place = Literal["stable", "candidate"]
PROJECT = "mlplatform"


def pin(
    file: Path, place: Place, unit: Unit, *, repository: str | None = None, training_image: str | None = None
) -> list[str]:
    """Make ``unit`` the stack's ``stable`` or ``candidate``; what was changed, in words.

    ``repository`` is where the stack pulls the image from, if it is not the one it was built for. A candidate starts at
    weight 0, whatever its predecessor had. A stack that built its checkout runs releases from then on; where it has a
    training job, that one needs ``training_image`` by digest. Raises DeliveryError.
    """
    image = f"{repository}@{unit.digest}" if repository else unit.image
    entry = {"image": image, "modelVersion": unit.model_version, "commit": unit.commit}
    yaml, document = _read(file)
    config: dict[str, Any] = document["config"]
    said = [f"{place}: {unit.id}"]
    if training_image:
        config[f"{PROJECT}:trainingImage"] = training_image
        said.append(f"trainingImage: {training_image}")
    if config.pop(f"{PROJECT}:image", None) is not None:
        said.append("image: build removed; the stack runs releases now")
        if f"{PROJECT}:training" in config and f"{PROJECT}:trainingImage" not in config:
            raise DeliveryError(
                f"{file.name} has a training job, whose image it built with image: build; name one by digest "
                "(--training-image repository@sha256:…) or remove training"
            )
    config[f"{PROJECT}:{place}"] = entry
    if place == "candidate":
        if f"{PROJECT}:stable" not in config:
            raise DeliveryError(f"{file.name} has no stable release to compare a candidate with; pin --as stable first")
        config[f"{PROJECT}:candidateWeight"] = 0
        said.append("candidateWeight: 0")
    _write(file, yaml, document)
    return said


def serve(file: Path, wanted: Serving) -> None:
    """Make the stack's file say that it serves ``wanted``. Raises DeliveryError."""
    yaml, document = _read(file)
    config: dict[str, Any] = document["config"]
    candidate = wanted.candidate
    entries: dict[str, Any] = {
        "stable": wanted.stable.settings,
        "candidate": candidate.settings if candidate else None,
        "candidateWeight": wanted.weight if candidate else None,
    }
    before = dict(config)
    for key, entry in entries.items():
        if entry is None:
            config.pop(f"{PROJECT}:{key}", None)
        elif f"{PROJECT}:{key}" in config:
            config[f"{PROJECT}:{key}"] = entry
        else:  # in front: a comment belongs to what stands before it, and would go with a candidate
            document["config"].insert(0, f"{PROJECT}:{key}", entry)
    if dict(config) != before:
        _write(file, yaml, document)


def pin_model(file: Path, name: str, version: str) -> list[str]:
    """Make ``name@version`` the model of the stack; what was changed, in words. Raises DeliveryError."""
    yaml, document = _read(file)
    key, value = f"{PROJECT}:model", f"{name}@{version}"
    before = document["config"].get(key)
    if before == value:
        return []
    document["config"][key] = value
    _write(file, yaml, document)
    return [f"model: {before} → {value}"]


def _read(file: Path) -> tuple[YAML, Any]:
    """The document with its comments, and what writes it back."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10_000  # a long comment or value stays on its line
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        document = yaml.load(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DeliveryError(f"no {file.name}; write the stack's file first (docs/clouds.md)") from error
    except YAMLError as error:
        raise DeliveryError(f"{file.name} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(document, dict) or not isinstance(document.get("config"), dict):
        raise DeliveryError(f"{file.name} holds no settings under config:")
    return yaml, document


def _write(file: Path, yaml: YAML, document: Any) -> None:
    """Replace the file in one step, its rights kept."""
    text = io.StringIO()
    yaml.dump(document, text)
    descriptor, draft = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text.getvalue())
    Path(draft).chmod(file.stat().st_mode & 0o777)
    Path(draft).replace(file)
