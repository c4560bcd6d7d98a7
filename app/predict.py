"""The hot path: a request's body in, an answer's body out.

Bodies are decoded, validated and counted in as few steps as the exactness of the answer allows; whatever takes longer
than the event loop can spare goes to a thread.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from numpy.typing import NDArray

from app.diagnosis import diagnose_batch, diagnose_row
from app.metrics import Metrics
from app.model import Model
from app.schema import Feed, RequestSchema, class_name

_encode = msgspec.json.Encoder().encode


class Predictor:
    """Answers ``/predict`` and ``/predict/batch`` for one model. Any number of calls may be under way at once."""

    def __init__(self, model: Model, schema: RequestSchema, metrics: Metrics) -> None:
        manifest = model.manifest
        self._model = model
        self._schema = schema
        self._metrics = metrics
        self._version = manifest.version
        self._classes = manifest.classes
        self._class_names = [class_name(value) for value in manifest.classes]
        self._threads = ThreadPoolExecutor(thread_name_prefix="inference")

    async def predict_row(self, body: bytes) -> bytes:
        """Predict the row of features in ``body``; raises the ServiceError that explains a body that is not one."""
        try:
            row = self._schema.decode_row(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise diagnose_row(body, self._schema.features, error) from error
        outputs = await self._run(self._schema.feed([row]), rows=1)
        answer: dict[str, Any]
        if self._classes:
            label: int = outputs[0].item()
            self._metrics.predicted_class(label)
            probabilities = dict(zip(self._class_names, outputs[1][0].tolist(), strict=True))
            answer = {"prediction": self._classes[label], "probabilities": probabilities}
        else:
            self._metrics.predicted_value()
            answer = {"prediction": outputs[0].item()}
        answer["model_version"] = self._version
        return _encode(answer)

    async def predict_batch(self, body: bytes) -> bytes:
        """Predict the rows in ``body``; raises the ServiceError that names every bad row and field.

        The answer's ``predictions`` stand in the order of the rows; ``probabilities`` are columns, one list per class.
        """
        try:
            rows = self._schema.decode_batch(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise diagnose_batch(body, self._schema.features, self._schema.max_rows, error) from error
        outputs = await self._run(self._schema.feed(rows), rows=len(rows))
        answer: dict[str, Any]
        if self._classes:
            labels, probabilities = outputs
            self._metrics.predicted_batch(len(rows), labels)
            answer = {
                "predictions": [self._classes[label] for label in labels.tolist()],
                "probabilities": dict(zip(self._class_names, probabilities.T.tolist(), strict=True)),
            }
        else:
            self._metrics.predicted_batch(len(rows), None)
            answer = {"predictions": outputs[0].tolist()}
        answer["model_version"] = self._version
        return _encode(answer)

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False)

    async def _run(self, feed: Feed, rows: int) -> list[NDArray[Any]]:
        """The model's outputs for ``feed``, computed here or, where that would hold up others, in a thread."""
        if rows <= self._model.inline_rows:
            return self._model.run(feed)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._model.run, feed)
