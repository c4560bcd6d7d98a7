"""The file that makes a directory an MLflow model: its signature, an example of its input, and how to load it.

What is logged is the artifact as it is, and the one flavour named is ``onnx``, because ``model.onnx`` is an ONNX model:
``mlflow.onnx.load_model`` returns the graph that the service runs. There is no ``python_function``: MLflow's wrapper
hands a graph each column as an input of its own, where this one takes two matrices (app.artifact), and a loader of ours
would have to travel with the model as code, which whoever loads it would run unverified.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from mlflow.models import Model
from mlflow.models.signature import ModelSignature
from mlflow.types.schema import ColSpec, DataType, Map, Schema

from app.artifact import MODEL, Manifest, Scalar

EXAMPLE = "input_example.json"
_TYPES = {"number": "double", "boolean": "boolean", "category": "string"}


def write_model_file(directory: Path, manifest: Manifest, run_id: str) -> None:
    """Write ``MLmodel`` and the example into ``directory``, beside the artifact's own files."""
    row = manifest.example.instance
    content = {"columns": list(row), "data": [list(row.values())]}
    (directory / EXAMPLE).write_text(json.dumps(content), encoding="utf-8")
    model = Model(
        artifact_path="model",
        run_id=run_id,
        signature=signature(manifest),
        saved_input_example_info={"artifact_path": EXAMPLE, "type": "dataframe", "pandas_orient": "split"},
        metadata={"version": manifest.version, "name": manifest.name},
    )
    model.add_flavor("onnx", onnx_version=version("onnx"), data=MODEL, providers=["CPUExecutionProvider"], code=None)
    model.save(str(directory / "MLmodel"))


def signature(manifest: Manifest) -> ModelSignature:
    """The service's request and answer in MLflow's types; a feature that may be missing is not required."""
    inputs = [ColSpec(_TYPES[feature.type], feature.name, not feature.nullable) for feature in manifest.features]
    outputs = [ColSpec(_type_of(manifest.example.prediction), "prediction")]
    if manifest.classes:
        outputs.append(ColSpec(cast("Any", Map(DataType.double)), "probabilities"))
    return ModelSignature(Schema(cast("Any", inputs)), Schema(cast("Any", outputs)))


def _type_of(prediction: Scalar) -> str:
    """MLflow's name for the type of a prediction."""
    names = {bool: "boolean", int: "long", float: "double", str: "string"}
    return names[type(prediction)]
