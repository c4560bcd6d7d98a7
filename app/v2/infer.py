"""Inference by the protocol: tensors in, tensors out, and between them the same validation and model as /predict.

A feature is a tensor of its name, ``[n]`` or ``[n, 1]``. A model without text features also takes one tensor
``[n, features]`` of any other name, its columns in the manifest's order: so do clients of KServe's and MLServer's
scikit-learn servers send their rows.
"""

from __future__ import annotations

from typing import Any

import msgspec

from app.artifact import Manifest
from app.columns import ColumnReader, Columns
from app.diagnosis import pointer
from app.endpoint import Headers, Reply
from app.errors import FieldError, InvalidInput
from app.predict import Predictor
from app.v2.outputs import Outputs
from app.v2.request import HEADER_LENGTH, Tensor, read

OCTETS = b"application/octet-stream"

_encode = msgspec.json.Encoder().encode


class Inference:
    """Answers ``POST …/infer`` for one model."""

    def __init__(self, predictor: Predictor, manifest: Manifest, max_rows: int) -> None:
        self._predictor = predictor
        self._reader = ColumnReader(manifest, max_rows)
        self._outputs = Outputs(manifest)
        self._features = [feature.name for feature in manifest.features]
        self._matrix = not manifest.texts
        self._model = {"model_name": manifest.name, "model_version": manifest.version}

    async def answer(self, body: bytes, headers: Headers) -> Reply:
        """The reply to the request in ``body``; raises the ServiceError that explains a body that is none."""
        request, tensors = read(body, headers)
        wanted = self._outputs.wanted(request)
        rows = tensors[0].shape[0] if tensors and tensors[0].shape else 0
        feed = self._reader.feed(self._columns(tensors, rows), rows)
        outputs = await self._predictor.predict_feed(feed, rows)
        answer: dict[str, Any] = dict(self._model)
        if request.id is not None:
            answer["id"] = request.id
        answer["outputs"], binary = self._outputs.write(wanted, outputs)
        content = _encode(answer)
        if not any(output.binary for output in wanted):
            return Reply(content, rows)
        length = (HEADER_LENGTH.lower().encode(), b"%d" % len(content))
        return Reply(content + binary, rows, OCTETS, (length,))

    def _columns(self, tensors: list[Tensor], rows: int) -> Columns:
        """The features' columns of ``rows`` rows. Raises InvalidInput where shapes or names do not allow them."""
        if self._matrix and len(tensors) == 1 and tensors[0].name not in self._features:
            (matrix,) = tensors
            if matrix.shape == [rows, len(self._features)]:
                return dict(zip(self._features, matrix.values.reshape(matrix.shape).T, strict=True))
        columns: dict[str, Any] = {}
        errors: list[FieldError] = []
        for name, shape, values in tensors:
            if name in columns:
                errors.append(FieldError(pointer("", name), reason="comes twice", remedy="send it once"))
            elif shape not in ([rows], [rows, 1]):
                errors.append(
                    FieldError(pointer("", name), reason=f"has the shape {shape[:4]}", remedy=self._shapes(rows))
                )
            columns[name] = values
        if errors:
            raise InvalidInput(errors)
        return columns

    def _shapes(self, rows: int) -> str:
        """What shapes tensors may have."""
        single = f"; or a single tensor [n, {len(self._features)}]" if self._matrix else ""
        return f"send one tensor [n] or [n, 1] per feature, all of the same n (the first has {rows}){single}"
