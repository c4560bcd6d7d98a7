# pyright: basic, reportMissingImports=false
"""KServe's Python server. Its scikit-learn runtime is not on the package index; this is a model as that runtime has it.

``KIND FILE NAME``, then KServe's own options.
"""

from __future__ import annotations

import sys
from typing import Any

from kserve import Model, ModelServer
from kserve.utils.utils import get_predict_input, get_predict_response

from bench.peers.predict import load


class Classifier(Model):
    """Predicts the instances of a request."""

    def __init__(self, kind: str, file: str, name: str) -> None:
        super().__init__(name)
        self._predict = load(kind, file)
        self.ready = True

    def predict(self, payload: Any, headers: Any = None, response_headers: Any = None) -> Any:  # noqa: ARG002 - KServe's
        """The answer in the request's protocol."""
        return get_predict_response(payload, self._predict(get_predict_input(payload)), self.name)


if __name__ == "__main__":
    ModelServer().start([Classifier(*sys.argv[1:4])])
