# pyright: basic, reportMissingImports=false
"""LitServe: ``KIND FILE PORT``."""

from __future__ import annotations

import sys
from typing import Any

import litserve

from bench.peers.predict import load


class Classifier(litserve.LitAPI):
    """Predicts the instances of a request."""

    def __init__(self, kind: str, file: str) -> None:
        super().__init__()
        self._model = (kind, file)

    def setup(self, device: str) -> None:  # noqa: ARG002 - LitServe's signature
        """Load the model, in the worker."""
        self._predict = load(*self._model)

    def predict(self, x: Any) -> Any:
        """Labels of the rows."""
        return {"predictions": self._predict(x["instances"]).tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Classifier(sys.argv[1], sys.argv[2]), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[3]), generate_client_file=False, log_level="warning")
