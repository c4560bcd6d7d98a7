"""Run what an artifact holds the way it is served: its graph by onnxruntime on one thread, its trees by the kernel."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
import pandas as pd

from app.artifact import FeatureType
from app.kernel.library import Summation
from app.kernel.model import TreeModel
from app.kernel.packed import KernelError, decode
from training.export import pack

BATCH = 20_000  # rows that are answered at a time


@dataclass(frozen=True)
class Answers:
    """What a graph answered: for classification ``labels`` (class indices) and probabilities, else the quantities."""

    predictions: np.ndarray
    probabilities: np.ndarray | None


class Exported(Protocol):
    """Answers rows as the service will."""

    def predict(self, frame: pd.DataFrame) -> Answers:
        """Answer every row of ``frame``, as ``Table.frame`` makes it; columns that it does not take are left."""
        ...


class Model:
    """A loaded graph with the features it takes: name → type, in manifest order."""

    def __init__(self, content: bytes, features: Mapping[str, FeatureType]) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1  # more threads add the trees in another order
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._features = features
        self._outputs: list[str] = [output.name for output in self._session.get_outputs()]

    def predict(self, frame: pd.DataFrame) -> Answers:
        """Answer every row of ``frame``, as ``Table.frame`` makes it; columns that the graph does not take are left."""
        outputs: Any = self._session.run(None, _feed(frame, self._features))
        found: dict[str, np.ndarray] = dict(zip(self._outputs, outputs, strict=True))
        if "prediction" in found:
            return Answers(found["prediction"], None)
        return Answers(found["label"], found["probabilities"])


class Trees:
    """The trees in ``content``, a packed file, summed by the compiled kernel or, where there is none, by NumPy.

    ``features`` as in `Model`; ``categories`` are those of each text feature, in order.
    """

    def __init__(
        self, content: bytes, features: Mapping[str, FeatureType], categories: Sequence[Sequence[str]]
    ) -> None:
        ensemble = decode(content)
        try:
            total = Summation(ensemble)
        except KernelError:
            total = functools.partial(pack.sums, ensemble)
        self._model = TreeModel(ensemble, categories, total)
        self._features = features

    def predict(self, frame: pd.DataFrame) -> Answers:
        """Answer every row of ``frame``."""
        outputs = self._model.run(_feed(frame, self._features))
        return Answers(outputs[0], outputs[1] if len(outputs) == 2 else None)


def answer(model: Exported, frame: pd.DataFrame, rows: np.ndarray) -> Answers:
    """The answers to the ``rows`` (numbers, one at least) of ``frame``, of which a batch at a time is copied."""
    parts = [model.predict(frame.iloc[rows[start : start + BATCH]]) for start in range(0, len(rows), BATCH)]
    shares = [part.probabilities for part in parts if part.probabilities is not None]
    return Answers(np.concatenate([part.predictions for part in parts]), np.concatenate(shares) if shares else None)


def _feed(frame: pd.DataFrame, features: Mapping[str, FeatureType]) -> dict[str, np.ndarray]:
    """The graph's inputs for the rows of ``frame``."""
    numbers = [name for name, kind in features.items() if kind != "category"]
    texts = [name for name, kind in features.items() if kind == "category"]
    feed: dict[str, np.ndarray] = {}
    if numbers:
        feed["numbers"] = frame[numbers].to_numpy(dtype=np.float64)
    if texts:
        feed["texts"] = frame[texts].to_numpy(dtype=object)
    return feed
