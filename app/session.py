"""ONNX Runtime as the engine of a model: any graph of the artifact's contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import onnxruntime
from numpy.typing import NDArray

from app.artifact import MODEL, Artifact, ArtifactError, Manifest
from app.start import first_line

_FATAL = 4  # ONNX Runtime's log severity; what it would print also stands in the exception


class Session:
    """A session over the artifact's verified graph. Its sums are scikit-learn's where ``threads`` is 1."""

    name = "onnxruntime"
    file = MODEL

    def __init__(self, artifact: Artifact, threads: int) -> None:
        """Load and check the signature; raises ArtifactError where the graph cannot run or is another one."""
        self._file = artifact.directory / MODEL
        self._outputs = ["label", "probabilities"] if artifact.manifest.classes else ["prediction"]
        onnxruntime.set_default_logger_severity(_FATAL)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        content = artifact.read(MODEL)
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise ArtifactError(f"{self._file}: ONNX Runtime cannot load it ({first_line(error)})") from error
        self._check_signature(artifact.manifest)

    def run(self, feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs for ``feed``."""
        return cast("list[NDArray[Any]]", self._session.run(self._outputs, feed))

    def _check_signature(self, manifest: Manifest) -> None:
        """Raise ArtifactError unless the graph has exactly the inputs and outputs the manifest implies."""
        inputs: dict[str, tuple[str, int]] = {}
        if manifest.numbers:
            inputs["numbers"] = ("tensor(double)", len(manifest.numbers))
        if manifest.texts:
            inputs["texts"] = ("tensor(string)", len(manifest.texts))
        found = {node.name: (node.type, node.shape[-1]) for node in self._session.get_inputs()}
        if found != inputs:
            raise ArtifactError(f"{self._file}: its inputs are {found}, the manifest's features need {inputs}")
        names = {node.name for node in self._session.get_outputs()}
        if names != set(self._outputs):
            raise ArtifactError(f"{self._file}: its outputs are {sorted(names)}, {self._outputs} are needed")
