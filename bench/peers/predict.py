"""The call that every peer makes: rows in, labels out, by scikit-learn or by a tuned ONNX Runtime session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Predict = Callable[[Any], NDArray[np.int64]]


def load(kind: str, file: str) -> Predict:
    """The labels (indices of classes, ``[n]``) of rows ``[n, features]`` by the model in ``file``.

    ``kind`` is ``sklearn`` or ``onnx``; a session has one thread, which is what suits one core and small models.
    """
    if kind == "sklearn":
        import joblib

        return joblib.load(file).predict
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    outputs = ["label"]

    def predict(rows: Any) -> NDArray[np.int64]:
        found: Any = session.run(outputs, {"numbers": np.asarray(rows, dtype=np.float64)})
        return found[0]

    return predict
