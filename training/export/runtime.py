"""Run an artifact's graph the way it is served: onnxruntime on one thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd

from app.artifact import FeatureType


@dataclass(frozen=True)
class Answers:
    """What a graph answered: for classification ``labels`` (class indices) and probabilities, else the quantities."""

    predictions: np.ndarray
    probabilities: np.ndarray | None


class Model:
    """A loaded graph with the features it takes: name → type, in manifest order."""

    def __init__(self, content: bytes, features: dict[str, FeatureType]) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1  # more threads add the trees in another order
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._numbers = [name for name, kind in features.items() if kind != "category"]
        self._texts = [name for name, kind in features.items() if kind == "category"]
        self._outputs: list[str] = [output.name for output in self._session.get_outputs()]

    def predict(self, frame: pd.DataFrame) -> Answers:
        """Answer every row of ``frame``, as ``Table.frame`` makes it; columns that the graph does not take are left."""
        feed: dict[str, np.ndarray] = {}
        if self._numbers:
            feed["numbers"] = frame[self._numbers].to_numpy(dtype=np.float64)
        if self._texts:
            feed["texts"] = frame[self._texts].to_numpy(dtype=object)
        outputs: Any = self._session.run(None, feed)
        found: dict[str, np.ndarray] = dict(zip(self._outputs, outputs, strict=True))
        if "prediction" in found:
            return Answers(found["prediction"], None)
        return Answers(found["label"], found["probabilities"])
