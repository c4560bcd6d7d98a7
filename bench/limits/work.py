"""The work that cannot be left out: decode, validate, infer, encode. Shared by the limits that differ in the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import onnxruntime
from msgspec.structs import astuple

MAX_MAGNITUDE = float(np.finfo(np.float32).max)
OUTPUTS = ["label", "probabilities"]
Number = Annotated[float, msgspec.Meta(ge=-MAX_MAGNITUDE, le=MAX_MAGNITUDE)]
Answer = Callable[[bytes], bytes]


def answers(artifact: Path) -> dict[str, Answer]:
    """What answers each path, from the body of a request to that of its answer; raises msgspec's errors on bad ones."""
    manifest = msgspec.json.decode((artifact / "manifest.json").read_bytes())
    names = [feature["name"] for feature in manifest["features"]]
    classes = manifest["classes"]
    texts = [str(value) for value in classes]
    version = artifact.name
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(artifact / "model.onnx", options, providers=["CPUExecutionProvider"])
    run: Any = session.run  # typed as whatever any graph may give
    fields = [(f"f{index}", Number) for index in range(len(names))]
    renamed = {f"f{index}": name for index, name in enumerate(names)}
    row = msgspec.defstruct("Row", fields, rename=renamed, forbid_unknown_fields=True, gc=False)
    batch = msgspec.defstruct("Batch", [("instances", list[row])], forbid_unknown_fields=True)
    decode_row = msgspec.json.Decoder(row).decode
    decode_batch: Any = msgspec.json.Decoder(batch).decode
    encode = msgspec.json.Encoder().encode

    def predict(body: bytes) -> bytes:
        labels, probabilities = run(OUTPUTS, {"numbers": np.array([astuple(decode_row(body))])})
        return encode({
            "prediction": classes[labels[0]],
            "probabilities": dict(zip(texts, probabilities[0].tolist(), strict=True)),
            "model_version": version,
        })  # fmt: skip

    def predict_batch(body: bytes) -> bytes:
        rows = decode_batch(body).instances
        labels, probabilities = run(OUTPUTS, {"numbers": np.array([astuple(one) for one in rows])})
        return encode({
            "predictions": [classes[label] for label in labels.tolist()],
            "probabilities": dict(zip(texts, probabilities.T.tolist(), strict=True)),
            "model_version": version,
        })  # fmt: skip

    return {"/predict": predict, "/predict/batch": predict_batch, "/health": lambda _: b"{}"}
