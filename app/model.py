"""The model in memory: an ONNX Runtime session over verified bytes that has proven itself on the manifest's example."""

from __future__ import annotations

import math
import time
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from app.artifact import MANIFEST, MODEL, RELEASE, Artifact, ArtifactError, Manifest, Release
from app.schema import Feed, RequestSchema

TOLERANCE = 1e-6  # of the self-check: another CPU's arithmetic passes, another model does not
INLINE_SECONDS = 0.001  # an event loop held up for longer shows in the latency of other requests
_PROBE_ROWS = 64
_FATAL = 4  # ONNX Runtime's log severity; what it would print also stands in the exception


class Model:
    """A verified model, ready to predict, and the ``directory`` of its artifact.

    ``inline_rows`` is how many rows it predicts within `INLINE_SECONDS`, measured at start; larger calls belong in a
    thread. ``load_seconds`` is what loading and proving took, ``created`` when the model was made (Unix time), None
    where `release.json` does not say.
    """

    def __init__(self, artifact: Artifact, threads: int = 1) -> None:
        """Load and check; raises ArtifactError where the graph cannot run, or does not answer as in training."""
        started = time.perf_counter()
        self.manifest: Manifest = artifact.manifest
        self.directory = artifact.directory
        self._file = artifact.directory / MODEL
        self._classification = self.manifest.task == "classification"
        self._outputs = ["label", "probabilities"] if self._classification else ["prediction"]
        onnxruntime.set_default_logger_severity(_FATAL)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        try:
            self._session = onnxruntime.InferenceSession(artifact.model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise ArtifactError(f"{self._file}: ONNX Runtime cannot load it ({_first_line(error)})") from error
        self._check_signature()
        example = self._example_feed()
        self._check_example(example)
        self.inline_rows = self._measure(example)
        self.created = _created(artifact.directory / RELEASE)
        self.load_seconds = time.perf_counter() - started

    def run(self, feed: Feed) -> list[NDArray[Any]]:
        """The graph's outputs for ``feed``: label and probabilities, or prediction (see `app.artifact`).

        Thread-safe. Raises whatever ONNX Runtime raises, and ArithmeticError where an output is not finite.
        """
        outputs = cast("list[NDArray[Any]]", self._session.run(self._outputs, feed))
        if not np.isfinite(outputs[-1]).all():
            raise ArithmeticError(f"the model's {self._outputs[-1]} is not finite")
        return outputs

    def _check_signature(self) -> None:
        """Raise ArtifactError unless the graph has exactly the inputs and outputs the manifest implies."""
        inputs: dict[str, tuple[str, int]] = {}
        if self.manifest.numbers:
            inputs["numbers"] = ("tensor(double)", len(self.manifest.numbers))
        if self.manifest.texts:
            inputs["texts"] = ("tensor(string)", len(self.manifest.texts))
        found = {node.name: (node.type, node.shape[-1]) for node in self._session.get_inputs()}
        if found != inputs:
            raise ArtifactError(f"{self._file}: its inputs are {found}, the manifest's features need {inputs}")
        names = {node.name for node in self._session.get_outputs()}
        if names != set(self._outputs):
            raise ArtifactError(f"{self._file}: its outputs are {sorted(names)}, {self._outputs} are needed")

    def _example_feed(self) -> Feed:
        """The manifest's example as the graph's inputs, through the very decoder that reads requests."""
        try:
            schema = RequestSchema(self.manifest, max_rows=1)
        except (ValueError, TypeError) as error:
            file = self._file.with_name(MANIFEST)
            raise ArtifactError(f"{file}: no request can hold its features ({_first_line(error)})") from error
        try:
            return schema.feed([schema.decode_row(msgspec.json.encode(self.manifest.example.instance))])
        except msgspec.ValidationError as error:
            raise ArtifactError(f"{self._file}: the manifest's example is not one of its rows ({error})") from error

    def _check_example(self, feed: Feed) -> None:
        """Raise ArtifactError unless the example is predicted as the manifest says."""
        expected = self.manifest.example
        try:
            outputs: list[Any] = [output.tolist() for output in self.run(feed)]
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise ArtifactError(f"{self._file}: fails on the manifest's example ({_first_line(error)})") from error
        if self._classification:
            (label,), (probabilities,) = outputs
            answer = self.manifest.classes[label]
            same = answer == expected.prediction and _close(probabilities, expected.probabilities)
        else:
            ((answer,),) = outputs
            same = _close([answer], [float(expected.prediction)])
        if not same:
            raise ArtifactError(
                f"{self._file}: predicts {answer!r} for the manifest's example, not the {expected.prediction!r} (with"
                " the same probabilities) of training; train again"
            )

    def _measure(self, example: Feed) -> int:
        """How many rows the model predicts within `INLINE_SECONDS`: 0 where one row takes longer."""
        if self._seconds(example) > INLINE_SECONDS:
            return 0
        probe: Feed = {name: np.repeat(values, _PROBE_ROWS, axis=0) for name, values in example.items()}
        return max(1, int(INLINE_SECONDS / self._seconds(probe) * _PROBE_ROWS))

    def _seconds(self, feed: Feed) -> float:
        """The shortest of three runs."""
        durations: list[float] = []
        for _ in range(3):
            started = time.perf_counter()
            self.run(feed)
            durations.append(time.perf_counter() - started)
        return min(durations)


def _close(found: list[float], expected: list[float]) -> bool:
    """Whether two lists agree within `TOLERANCE`, relative or absolute."""
    return len(found) == len(expected) and all(
        math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        for one, other in zip(found, expected, strict=True)
    )


def _created(file: Path) -> float | None:
    """When the release in ``file`` was made. No hash covers it: what cannot be read is no reason not to serve."""
    try:
        return datetime.fromisoformat(msgspec.json.decode(file.read_bytes(), type=Release).created).timestamp()
    except (OSError, ValueError):
        return None


def _first_line(error: Exception) -> str:
    """The first line of an error's message, shortened to stay one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
