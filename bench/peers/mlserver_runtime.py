# pyright: basic, reportMissingImports=false
"""A runtime of MLServer around a tuned ONNX Runtime session."""

from __future__ import annotations

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, NumpyRequestCodec
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import get_model_uri

from bench.peers.predict import load


class OnnxModel(MLModel):
    """Predicts the one tensor of a request."""

    async def load(self) -> bool:
        """Load the graph that the settings name."""
        self._predict = load("onnx", await get_model_uri(self._settings))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Labels of the rows."""
        labels = self._predict(self.decode_request(payload, default_codec=NumpyRequestCodec))
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("predict", labels)])
