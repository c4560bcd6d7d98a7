# pyright: basic, reportMissingImports=false
"""BentoML: ``bentoml serve bench.peers.bentoml_server:Classifier``, with BENCH_KIND and BENCH_FILE set."""

# Without postponed annotations: BentoML reads the types of the endpoint.
import os

import bentoml
import numpy as np

from bench.peers.predict import load


@bentoml.service
class Classifier:
    """Predicts the instances of a request."""

    def __init__(self) -> None:
        self._predict = load(os.environ["BENCH_KIND"], os.environ["BENCH_FILE"])

    @bentoml.api
    def predict(self, instances: np.ndarray) -> np.ndarray:
        """Labels of the rows."""
        return self._predict(instances)
