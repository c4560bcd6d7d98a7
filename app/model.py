"""The model in memory: what computes it, proven on the manifest's example before anything is served."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.artifact import MANIFEST, RELEASE, Artifact, ArtifactError, Manifest, Release
from app.kernel.packed import TREES, KernelError
from app.schema import Feed, RequestSchema
from app.start import first_line

TOLERANCE = 1e-6  # of the self-check: another CPU's arithmetic passes, another model does not
INLINE_SECONDS = 0.001  # an event loop held up for longer shows in the latency of other requests
SHARED_FACTOR = 4  # a call that rows share may take so many times as long as one row alone
MOST_SHARED = 256
_PROBE_ROWS = 64
_SHARED_PROBE = 16
_FEW = 16

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """What computes the graph's outputs: label and probabilities, or prediction (see `app.artifact`). Thread-safe."""

    name: str
    file: str

    def run(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs for ``feed``. Raises whatever the engine raises."""
        ...


class Model:
    """A verified model, ready to predict, and the ``directory`` of its artifact.

    ``engine`` names what computes it. ``inline_rows`` is how many rows it predicts within `INLINE_SECONDS`, measured
    at start; larger calls belong in a thread. ``shared_rows`` is how many single rows may share a call, 1 where that
    does not pay. ``load_seconds`` is what loading and proving took, ``created`` when the
    model was made (Unix time), None where `release.json` does not say.
    """

    def __init__(self, artifact: Artifact, threads: int = 1) -> None:
        """Load and check; raises ArtifactError where the model cannot run, or does not answer as in training.

        ``threads`` are those inside one call of ONNX Runtime.
        """
        started = time.perf_counter()
        self.manifest: Manifest = artifact.manifest
        self.directory = artifact.directory
        self._classification = self.manifest.task == "classification"
        self._engine, instead_of_trees = _load_engine(artifact, threads)
        self.engine = self._engine.name
        self._file = artifact.directory / self._engine.file
        example = self._example_feed()
        self._check_example(example)
        self.inline_rows = self._measure(example)
        self.shared_rows = 1 if self.inline_rows else self._measure_sharing(example)
        self.created = _created(artifact.directory / RELEASE)
        self.load_seconds = time.perf_counter() - started
        if instead_of_trees is not None:
            logger.warning("the tree kernel is not used: %s; ONNX Runtime predicts, which is slower", instead_of_trees)

    def run(self, feed: Feed) -> list[NDArray[Any]]:
        """The graph's outputs for ``feed``: label and probabilities, or prediction (see `app.artifact`).

        Thread-safe. Raises whatever the engine raises, and ArithmeticError where an output is not finite.
        """
        outputs = self._engine.run(feed)
        if not _finite(outputs[-1]):
            raise ArithmeticError("an output of the model is not finite")
        return outputs

    def _example_feed(self) -> Feed:
        """The manifest's example as the graph's inputs, through the very decoder that reads requests."""
        try:
            schema = RequestSchema(self.manifest, max_rows=1)
        except (ValueError, TypeError) as error:
            file = self._file.with_name(MANIFEST)
            raise ArtifactError(f"{file}: no request can hold its features ({first_line(error)})") from error
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
            raise ArtifactError(f"{self._file}: fails on the manifest's example ({first_line(error)})") from error
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
        return max(1, int(INLINE_SECONDS / self._seconds(_repeated(example, _PROBE_ROWS)) * _PROBE_ROWS))

    def _measure_sharing(self, example: Feed) -> int:
        """How many rows may share a call: 1 unless rows together take less than half as long as one by one."""
        alone = self._seconds(example)
        together = self._seconds(_repeated(example, _SHARED_PROBE))
        return shared_rows(alone, (together - alone) / (_SHARED_PROBE - 1))

    def _seconds(self, feed: Feed) -> float:
        """The shortest of three runs."""
        durations: list[float] = []
        for _ in range(3):
            started = time.perf_counter()
            self.run(feed)
            durations.append(time.perf_counter() - started)
        return min(durations)


def _load_engine(artifact: Artifact, threads: int) -> tuple[Engine, KernelError | None]:
    """The tree kernel where the artifact has trees and it proves itself, else ONNX Runtime and why not the kernel.

    Only the one that serves is imported: ONNX Runtime alone takes longer to load than the kernel to be ready.
    """
    manifest = artifact.manifest
    obstacle = None
    if TREES in manifest.files:
        from app.kernel.model import TreeModel

        try:
            categories = [feature.categories for feature in manifest.texts]
            content = artifact.read(TREES)
            return TreeModel.load(content, len(manifest.numbers), categories, len(manifest.classes)), None
        except KernelError as error:
            obstacle = error
    from app.session import Session

    return Session(artifact, threads), obstacle


def shared_rows(alone: float, further: float) -> int:
    """How many rows may share a call where one takes ``alone`` seconds and each further one ``further``.

    So many that the call takes at most `SHARED_FACTOR` times as long as a row alone; 1 where a further row takes more
    than half as long as one alone, since calls side by side use several processors and a shared one does not.
    """
    if further > alone / 2:
        return 1
    return min(MOST_SHARED, 1 + int((SHARED_FACTOR - 1) * alone / max(further, alone / MOST_SHARED)))


def _repeated(example: Feed, rows: int) -> Feed:
    """The example ``rows`` times."""
    return {name: np.repeat(values, rows, axis=0) for name, values in example.items()}


def _finite(values: NDArray[np.float64]) -> bool:
    """Whether all of ``values`` are finite. NumPy takes as long for a few as the trees do for a row."""
    if values.size > _FEW:
        return bool(np.isfinite(values).all())
    return all(map(math.isfinite, values.ravel().tolist()))


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
