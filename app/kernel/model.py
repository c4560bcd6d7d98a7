"""A packed ensemble as a model: the graph's inputs in, the graph's outputs out, and no ONNX Runtime between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.kernel.decision import calibrated, cheapest
from app.kernel.library import Summation
from app.kernel.packed import TREES, Ensemble, Header, KernelError, decode

Sum = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From rows ``[rows, features]`` to the sums of their leaves ``[rows, outputs]``."""


class TreeModel:
    """Answers what the artifact's graph answers (see `app.artifact`), its trees summed by ``total``.

    ``categories`` are those of each text feature, in order. Thread-safe where ``total`` is.
    """

    name = "trees"
    file = TREES

    def __init__(self, ensemble: Ensemble, categories: Sequence[Sequence[str]], total: Sum) -> None:
        self._header = header = ensemble.header
        self._total = total
        self._numbers = header.features - sum(map(len, categories))
        self._places: list[dict[str, int]] = []
        place = self._numbers
        for texts in categories:
            self._places.append({text: place + index for index, text in enumerate(texts)})
            place += len(texts)

    @classmethod
    def load(cls, content: bytes, numbers: int, categories: Sequence[Sequence[str]], classes: int) -> Self:
        """The model in ``content``, the bytes of ``trees.bin``, summed by the compiled kernel.

        Raises KernelError where there is no kernel, where it does not repeat the probes, and unless the trees take
        ``numbers`` number features and tell ``classes`` classes (0: a quantity).
        """
        ensemble = decode(content)
        made = cls(ensemble, categories, Summation(ensemble))
        sums = {"shares": classes, "softmax": classes, "logistic": 1 if classes == 2 else 0}
        if made._numbers != numbers or ensemble.header.outputs != sums.get(ensemble.header.link, 0 if classes else 1):
            raise KernelError(f"{TREES} is of a model with other features or classes")
        _check_decision(ensemble.header, classes)
        return made

    def run(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Label and probabilities, or the prediction."""
        sums = self._total(self._rows(feed) if self._places else feed["numbers"])
        header = self._header
        match header.link:
            case "mean":
                return [sums[:, 0] / header.trees]
            case "identity":
                return [sums[:, 0]]
            case "exp":
                with np.errstate(over="ignore"):  # the caller refuses what is not finite
                    return [np.exp(sums[:, 0])]
            case "shares":
                probabilities = scores = sums / header.trees
                label = probabilities.argmax(axis=1)
                if header.outputs == 2:
                    scores = scores[:, 1:]
            case "logistic":
                scores = sums
                with np.errstate(over="ignore"):  # far below 0 the probability is 0
                    second = 1.0 / (1.0 + np.exp(-sums))
                label = (sums[:, 0] > 0).astype(np.int64)
                probabilities = np.concatenate([1.0 - second, second], axis=1)
            case "softmax":
                scores = sums
                # The ufuncs themselves: the methods max and sum cost a single row as much as its trees.
                powers = np.exp(sums - np.maximum.reduce(sums, axis=1, keepdims=True))
                label = sums.argmax(axis=1)
                probabilities = powers / np.add.reduce(powers, axis=1, keepdims=True)
        if header.scaling:
            probabilities = calibrated(scores, header.scaling)
            label = probabilities.argmax(axis=1)
        return [cheapest(probabilities, header.costs) if header.costs else label, probabilities]

    def _rows(self, feed: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """The numbers and, for each category, whether the text is that one; of a gap or another text, none."""
        texts = feed["texts"]
        rows = np.zeros((len(texts), self._header.features))
        if self._numbers:
            rows[:, : self._numbers] = feed["numbers"]
        for places, column in zip(self._places, texts.T.tolist(), strict=True):
            for row, text in enumerate(column):
                place = places.get(text)
                if place is not None:
                    rows[row, place] = 1.0
        return rows


def _check_decision(header: Header, classes: int) -> None:
    """Refuse a calibration or costs of other classes than the model's."""
    scores = 1 if classes == 2 else classes
    if header.scaling and len(header.scaling) != scores:
        raise KernelError(f"{TREES} calibrates {len(header.scaling)} scores of {scores}")
    if header.costs and [len(row) for row in header.costs] != [classes] * classes:
        raise KernelError(f"{TREES} has costs of other classes")
