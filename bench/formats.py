"""How rows are put to a server and its labels read back: one `Format` per protocol that some server speaks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bench.models import Model

JSON_TYPE = "application/json"
ARROW_TYPE = "application/vnd.apache.arrow.stream"

Rows = NDArray[np.float64]
Labels = list[Any]
Encode = Callable[[Model, Rows], tuple[bytes, dict[str, str]]]
"""The body for rows, and the headers that depend on it."""


@dataclass(frozen=True)
class Format:
    """A protocol: ``path(model name, number of rows)``, the body of rows, and the labels in the body of an answer.

    Labels come back as classes or as indices into them, whichever the protocol says; `compare` takes both.
    """

    name: str
    path: Callable[[str, int], str]
    encode: Encode
    labels: Callable[[bytes], Labels]
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": JSON_TYPE}, hash=False)
    least_rows: int = 1

    def requests(self, model: Model, rows: int) -> list[bytes]:
        """Whole HTTP requests, as they go over the wire, for all of the model's rows, ``rows`` to each."""
        parts = [model.rows[start : start + rows] for start in range(0, len(model.rows), rows)]
        return [self._request(model, part) for part in parts]

    def _request(self, model: Model, rows: Rows) -> bytes:
        body, extra = self.encode(model, rows)
        headers = {"host": "127.0.0.1", **self.headers, **extra, "content-length": str(len(body))}
        head = f"POST {self.path(model.name, len(rows))} HTTP/1.1"
        return "\r\n".join([head, *(f"{name}: {text}" for name, text in headers.items()), "", ""]).encode() + body


def indices(labels: Labels, model: Model) -> list[int]:
    """``labels`` as indices into the model's classes; classes that are indices themselves stay what they are."""
    known = {value: index for index, value in enumerate(model.classes)}
    return [known[label] if label in known else int(label) for label in labels]


def _named(model: Model, rows: Rows) -> list[dict[str, float]]:
    return [dict(zip(model.features, row, strict=True)) for row in rows.tolist()]


def _own_body(model: Model, rows: Rows) -> tuple[bytes, dict[str, str]]:
    named = _named(model, rows)
    return json.dumps(named[0] if len(named) == 1 else {"instances": named}).encode(), {}


def _own_labels(body: bytes) -> Labels:
    answer = json.loads(body)
    return answer["predictions"] if "predictions" in answer else [answer["prediction"]]


def _arrow_body(model: Model, rows: Rows) -> tuple[bytes, dict[str, str]]:
    batch = pa.RecordBatch.from_arrays([pa.array(column) for column in rows.T], names=model.features)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes(), {}


def _arrow_labels(body: bytes) -> Labels:
    return pa.ipc.open_stream(body).read_all()["prediction"].to_pylist()


def _tensor(rows: Rows) -> dict[str, Any]:
    return {"name": "rows", "shape": list(rows.shape), "datatype": "FP64"}


def _tensor_body(_: Model, rows: Rows) -> tuple[bytes, dict[str, str]]:
    return json.dumps({"inputs": [_tensor(rows) | {"data": rows.ravel().tolist()}]}).encode(), {}


def _binary_body(_: Model, rows: Rows) -> tuple[bytes, dict[str, str]]:
    data = rows.astype("<f8").tobytes()
    described = _tensor(rows) | {"parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"inputs": [described], "outputs": [{"name": "prediction"}]}).encode()
    return head + data, {"inference-header-content-length": str(len(head))}


def _tensor_labels(body: bytes) -> Labels:
    return json.loads(body)["outputs"][0]["data"]


def _listed_body(_: Model, rows: Rows) -> tuple[bytes, dict[str, str]]:
    return json.dumps({"instances": rows.tolist()}).encode(), {}


def _frame_body(model: Model, rows: Rows) -> tuple[bytes, dict[str, str]]:
    return json.dumps({"dataframe_split": {"columns": model.features, "data": rows.tolist()}}).encode(), {}


def _listed_labels(body: bytes) -> Labels:
    answer = json.loads(body)
    return answer["predictions"] if isinstance(answer, dict) else answer


def _fixed(path: str) -> Callable[[str, int], str]:
    return lambda _name, _rows: path


def _v2_path(name: str, _: int) -> str:
    return f"/v2/models/{name}/infer"


OWN = Format("JSON", lambda _, rows: "/predict" if rows == 1 else "/predict/batch", _own_body, _own_labels)
"""Named features, as this service, the seed's design and the bare limits take them."""
ARROW = Format(
    "Arrow", _fixed("/predict/batch"), _arrow_body, _arrow_labels,
    headers={"content-type": ARROW_TYPE, "accept": ARROW_TYPE}, least_rows=100,
)  # fmt: skip
BINARY = Format(
    "binary tensors", _v2_path, _binary_body, _tensor_labels,
    headers={"content-type": "application/octet-stream"}, least_rows=100,
)  # fmt: skip
TENSORS = Format("JSON", _v2_path, _tensor_body, _tensor_labels)
"""The Open Inference Protocol, as MLServer takes it."""
V1 = Format("JSON", lambda name, _: f"/v1/models/{name}:predict", _listed_body, _listed_labels)
"""KServe's first protocol."""
FRAME = Format("JSON", _fixed("/invocations"), _frame_body, _listed_labels)
"""MLflow's."""
LISTED = Format("JSON", _fixed("/predict"), _listed_body, _listed_labels)
"""Rows as lists, for servers that leave the protocol to their user."""
