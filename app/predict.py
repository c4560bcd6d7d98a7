"""The hot path: a request's body in, an answer's body out.

Bodies are decoded, validated and counted in as few steps as the exactness of the answer allows; whatever takes longer
than the event loop can spare goes to a thread.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from msgspec.structs import astuple
from numpy.typing import NDArray

from app.arrow.batches import ArrowBatches
from app.arrow.format import MEDIA_TYPE
from app.diagnosis import diagnose_batch, diagnose_row
from app.endpoint import Headers, Reply, is_of, prefers
from app.metrics import Metrics
from app.model import Model
from app.schema import Feed, RequestSchema, class_name
from app.sharing import SharedCalls


class InferenceError(Exception):
    """The model failed on the rows of a request; the message holds no value of them."""


_encode = msgspec.json.Encoder().encode


class Predictor:
    """Answers ``/predict`` and ``/predict/batch`` for one model. Any number of calls may be under way at once."""

    def __init__(self, model: Model, schema: RequestSchema, metrics: Metrics, log_features: bool) -> None:
        manifest = model.manifest
        self._model = model
        self._schema = schema
        self._metrics = metrics
        self._log_features = log_features
        self._arrow = ArrowBatches(manifest, schema.max_rows)
        self._version = manifest.version
        self._classes = manifest.classes
        self._class_names = [class_name(value) for value in manifest.classes]
        self._threads = ThreadPoolExecutor(_threads(), thread_name_prefix="inference")
        self._shared = SharedCalls(model.run, self._threads, model.shared_rows) if model.shared_rows > 1 else None

    async def predict_row(self, body: bytes, _: Headers) -> Reply:
        """Predict the row of features in ``body``; raises the ServiceError that explains a body that is not one."""
        try:
            row = self._schema.decode_row(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise diagnose_row(body, self._schema.features, error) from error
        outputs = await self._run(self._schema.feed([row]), rows=1, alone=True)
        answer: dict[str, Any]
        if self._classes:
            label: int = outputs[0].item()
            self._metrics.predicted_row(astuple(row), label)
            probabilities = dict(zip(self._class_names, outputs[1][0].tolist(), strict=True))
            answer = {"prediction": self._classes[label], "probabilities": probabilities}
        else:
            value: float = outputs[0].item()
            self._metrics.predicted_row(astuple(row), value)
            answer = {"prediction": value}
        answer["model_version"] = self._version
        return Reply(_encode(answer), 1)

    async def predict_batch(self, body: bytes, headers: Headers) -> Reply:
        """Predict the rows in ``body``, JSON or Arrow; raises the ServiceError that names every bad row and field.

        The answer is in Arrow where the request prefers it, else in JSON: ``predictions`` in the order of the rows,
        ``probabilities`` as columns, one list per class.
        """
        feed, rows = self._arrow.read(body) if is_of(MEDIA_TYPE, headers) else self._decode_batch(body)
        outputs = await self.predict_feed(feed, rows)
        if prefers(MEDIA_TYPE, headers):
            return self._arrow.reply(outputs)
        answer: dict[str, Any]
        if self._classes:
            labels, probabilities = outputs
            answer = {
                "predictions": [self._classes[label] for label in labels.tolist()],
                "probabilities": dict(zip(self._class_names, probabilities.T.tolist(), strict=True)),
            }
        else:
            answer = {"predictions": outputs[0].tolist()}
        answer["model_version"] = self._version
        return Reply(_encode(answer), rows)

    def _decode_batch(self, body: bytes) -> tuple[Feed, int]:
        """The graph's inputs for the rows in a JSON ``body``, and their number."""
        try:
            rows = self._schema.decode_batch(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise diagnose_batch(body, self._schema.features, self._schema.max_rows, error) from error
        return self._schema.feed(rows), len(rows)

    async def predict_feed(self, feed: Feed, rows: int) -> list[NDArray[Any]]:
        """The model's outputs for the ``rows`` rows of ``feed``, counted."""
        outputs = await self._run(feed, rows)
        self._metrics.predicted_batch(feed, outputs[0])
        return outputs

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False)

    async def _run(self, feed: Feed, rows: int, alone: bool = False) -> list[NDArray[Any]]:
        """The model's outputs for ``feed``, computed here or, where that would hold up others, in a thread.

        A row that came ``alone`` shares a call with others where that pays.
        """
        try:
            if rows <= self._model.inline_rows:
                return self._model.run(feed)
            if alone and self._shared is not None:
                return await self._shared.predict(feed)
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._model.run, feed)
        except ArithmeticError:
            raise
        except Exception as error:  # ONNX Runtime's errors share no base class
            if self._log_features:
                raise
            raise InferenceError(_without_values(error)) from None


def _threads() -> int:
    """How many calls run side by side: with more than there are processors, each only waits longer and caches less.

    Two on a single processor, so that a long batch does not hold up a short one.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(2, usable)


def _without_values(error: Exception) -> str:
    """What ONNX Runtime says of where it failed, without its status message, which may quote the input."""
    where = str(error).partition("Status Message:")
    told = where[0].strip() if where[1] else type(error).__name__
    return f"{told} (LOG_FEATURES=true logs the rest, which may quote feature values)"
