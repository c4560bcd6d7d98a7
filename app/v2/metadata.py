"""What the protocol tells of the server and its model."""

from __future__ import annotations

from typing import Any

import msgspec

from app.artifact import Feature, Manifest
from app.schema import class_name
from app.v2.outputs import PREDICTION, PROBABILITIES, Outputs

SERVER = "mlplatform"
EXTENSIONS = ["binary_tensor_data"]
PLATFORM = "onnx_onnxv1"  # the protocol's name of an ONNX model run by ONNX Runtime

_DATATYPES = {"number": "FP64", "boolean": "BOOL", "category": "BYTES"}


class ServerMetadata(msgspec.Struct, frozen=True):
    """The server: ``version`` is the release that it runs, or the model's version where none is deployed."""

    name: str
    version: str
    extensions: list[str]


class TensorMetadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tensor; -1 in its shape is the number of rows.

    ``parameters`` say what the protocol has no words for: of an input whether it may have gaps (``nullable``) and its
    ``categories``, of an output the ``classes`` in the order of their probabilities.
    """

    name: str
    datatype: str
    shape: list[int]
    parameters: dict[str, Any] = {}


class ModelMetadata(msgspec.Struct, frozen=True):
    """The model."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Live(msgspec.Struct, frozen=True):
    """The process answers."""

    live: bool


class Ready(msgspec.Struct, frozen=True):
    """Requests may come."""

    ready: bool


class ModelReady(msgspec.Struct, frozen=True):
    """Requests to this model may come."""

    name: str
    ready: bool


def of_server(manifest: Manifest, release: str | None) -> ServerMetadata:
    """What serves ``manifest`` as ``release``."""
    return ServerMetadata(SERVER, release or manifest.version, EXTENSIONS)


def of_model(manifest: Manifest) -> ModelMetadata:
    """The tensors of ``manifest``: an input per feature, and the outputs."""
    classes = {"classes": [class_name(value) for value in manifest.classes]} if manifest.classes else {}
    shapes = {PREDICTION: [-1], PROBABILITIES: [-1, len(manifest.classes)]}
    return ModelMetadata(
        name=manifest.name,
        versions=[manifest.version],
        platform=PLATFORM,
        inputs=[_input(feature) for feature in manifest.features],
        outputs=[
            TensorMetadata(name, datatype, shapes[name], classes)
            for name, datatype in Outputs(manifest).datatypes.items()
        ],
    )


def input_datatype(feature: Feature) -> str:
    """The datatype that a feature's tensor has at best; others that hold the same values are taken too."""
    return _DATATYPES[feature.type]


def _input(feature: Feature) -> TensorMetadata:
    """The tensor of a feature."""
    parameters: dict[str, Any] = {"nullable": feature.nullable}
    if feature.type == "category":
        parameters["categories"] = feature.categories
    return TensorMetadata(feature.name, input_datatype(feature), [-1], parameters)
