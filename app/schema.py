"""The request types, made from the manifest's features: what a row may hold, and how rows become the graph's inputs.

A model trained on other data changes the API by this module alone: the decoders below validate while they parse, and
`row_schema` says the same in JSON Schema for the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta
from msgspec.structs import astuple
from numpy.typing import NDArray

from app.artifact import Feature, Manifest, Scalar

Feed = dict[str, NDArray[Any]]


class RequestSchema:
    """Decodes request bodies into rows and rows into the graph's inputs.

    Rows are structs whose fields stand in the order of the graph: the ``numbers`` first, then the ``texts``.
    Decoding raises msgspec's errors at the first bad value; `app.diagnosis` then lists them all.
    """

    def __init__(self, manifest: Manifest, max_rows: int) -> None:
        ordered = [*manifest.numbers, *manifest.texts]
        row = msgspec.defstruct(
            "Row",
            [_field(f"f{index}", feature) for index, feature in enumerate(ordered)],
            rename={f"f{index}": feature.name for index, feature in enumerate(ordered)},
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )
        rows = Annotated[list[row], Meta(min_length=1, max_length=max_rows)]
        batch = msgspec.defstruct("Batch", [("instances", rows)], forbid_unknown_fields=True)
        self.features = manifest.features
        self.max_rows = max_rows
        self.decode_row = msgspec.json.Decoder(row).decode
        self._decode_batch = msgspec.json.Decoder(batch).decode
        self._numbers = len(manifest.numbers)
        self._texts = len(manifest.texts)
        self._gaps = any(feature.nullable for feature in manifest.numbers)

    def decode_batch(self, body: bytes) -> list[msgspec.Struct]:
        """The rows of a batch, at least one and at most ``max_rows``."""
        return self._decode_batch(body).instances  # pyright: ignore[reportAttributeAccessIssue]  # made by defstruct

    def feed(self, rows: Sequence[msgspec.Struct]) -> Feed:
        """The graph's inputs for ``rows``: ``numbers`` float64 (missing = NaN), ``texts`` object (missing = "")."""
        values = list(map(astuple, rows))
        if not self._texts:
            return {"numbers": self._number_array(values)}
        texts = np.array([value or "" for row in values for value in row[self._numbers :]], dtype=object)
        feed: Feed = {"texts": texts.reshape(len(rows), self._texts)}
        if self._numbers:
            feed["numbers"] = self._number_array([row[: self._numbers] for row in values])
        return feed

    def _number_array(self, values: list[tuple[Any, ...]]) -> NDArray[np.float64]:
        """Rows of numbers as float64 ``[rows, numbers]``. `np.array` makes NaN of None, `np.fromiter` is faster."""
        if self._gaps:
            return np.array(values, dtype=np.float64)
        count = len(values) * self._numbers
        flat = np.fromiter(chain.from_iterable(values), dtype=np.float64, count=count)
        return flat.reshape(len(values), self._numbers)


def _field(name: str, feature: Feature) -> tuple[str, Any] | tuple[str, Any, Any]:
    """The struct field of ``feature`` for `msgspec.defstruct`; nullable ones default to None."""
    kind: Any
    if feature.type == "category":
        kind = Literal[tuple(feature.categories)]
    elif feature.type == "boolean":
        kind = bool
    else:
        least, greatest = feature.bounds
        kind = Annotated[float, Meta(ge=least, le=greatest)]
    return (name, kind | None, None) if feature.nullable else (name, kind)


def row_schema(manifest: Manifest) -> dict[str, Any]:
    """The JSON Schema of one row: the same limits that the decoder enforces."""
    return {
        "type": "object",
        "title": "Features",
        "properties": {feature.name: _feature_schema(feature) for feature in manifest.features},
        "required": [feature.name for feature in manifest.features if not feature.nullable],
        "additionalProperties": False,
        "examples": [manifest.example.instance],
    }


def _feature_schema(feature: Feature) -> dict[str, Any]:
    """The JSON Schema of one feature; the range seen in training is told, declared limits are enforced."""
    schema: dict[str, Any]
    if feature.type == "category":
        schema = {"type": "string", "enum": [*feature.categories]}
    elif feature.type == "boolean":
        schema = {"type": "boolean"}
    else:
        least, greatest = feature.bounds
        schema = {"type": "number", "minimum": least, "maximum": greatest}
        if feature.minimum is not None and feature.maximum is not None:
            schema["description"] = f"between {feature.minimum:g} and {feature.maximum:g} in training"
    if feature.nullable:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"].append(None)
    return schema


def class_name(value: Scalar) -> str:
    """What a class is called where only text can stand (object keys, metric labels): itself, or its JSON text."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
