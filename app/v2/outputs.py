"""The model's outputs as tensors: ``prediction`` ``[n]``, for classes also ``probabilities`` FP64 ``[n, classes]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.artifact import Manifest
from app.diagnosis import pointer, shown
from app.errors import FieldError, InvalidInput
from app.schema import class_name
from app.v2.request import Request
from app.v2.tensors import to_binary

PREDICTION = "prediction"
PROBABILITIES = "probabilities"

_DATATYPES = {"b": "BOOL", "i": "INT64", "u": "UINT64", "f": "FP64"}


class Wanted(NamedTuple):
    """An output that was asked for, and whether as binary data."""

    name: str
    binary: bool


class Outputs:
    """Writes what one model answers. ``datatypes`` are those of its outputs by name, in their order."""

    def __init__(self, manifest: Manifest) -> None:
        self.datatypes = {PREDICTION: "FP64"}
        self._classes = np.array(manifest.classes)
        self._names = [class_name(value) for value in manifest.classes]
        if manifest.classes:
            self.datatypes[PREDICTION] = _DATATYPES.get(self._classes.dtype.kind, "BYTES")
            self.datatypes[PROBABILITIES] = "FP64"

    def wanted(self, request: Request) -> list[Wanted]:
        """The outputs that ``request`` asks for: all where it names none. Raises InvalidInput."""
        default = _flag(request.parameters, "binary_data_output", "/parameters")
        if not request.outputs:
            return [Wanted(name, default) for name in self.datatypes]
        known = " or ".join(self.datatypes)
        found: list[Wanted] = []
        for place, output in enumerate(request.outputs):
            at = f"/outputs/{place}"
            if output.name not in self.datatypes:
                reason = "is no output of this model"
                raise InvalidInput([FieldError(f"{at}/name", reason, f"ask for {known}", shown(output.name))])
            for name in output.parameters.keys() - {"binary_data"}:
                remedy = "leave it out; the extension binary_tensor_data is the only one here"
                raise InvalidInput([FieldError(pointer(f"{at}/parameters", name), "is unknown", remedy)])
            found.append(Wanted(output.name, _flag(output.parameters, "binary_data", f"{at}/parameters", default)))
        return found

    def write(self, wanted: Sequence[Wanted], outputs: Sequence[NDArray[Any]]) -> tuple[list[dict[str, Any]], bytes]:
        """The tensors of ``wanted`` as they stand in JSON, and the binary data after it, of the model's ``outputs``."""
        tensors: list[dict[str, Any]] = []
        binary: list[bytes] = []
        for name, as_binary in wanted:
            values = self._prediction(outputs[0]) if name == PREDICTION else outputs[1]
            tensor: dict[str, Any] = {"name": name, "datatype": self.datatypes[name]}
            if isinstance(values, list):
                tensor["shape"] = [len(values)]
            else:
                tensor["shape"] = [*values.shape]
            if as_binary:
                binary.append(to_binary(values))
                tensor["parameters"] = {"binary_data_size": len(binary[-1])}
            else:
                tensor["data"] = values if isinstance(values, list) else values.ravel().tolist()
            tensors.append(tensor)
        return tensors, b"".join(binary)

    def _prediction(self, output: NDArray[Any]) -> NDArray[Any] | list[str]:
        """The elements of ``prediction``: classes by their index in ``output``, or the numbers that it holds."""
        if not self._names:
            return output
        if self.datatypes[PREDICTION] == "BYTES":
            return [self._names[label] for label in output.tolist()]
        return self._classes[output]


def _flag(parameters: dict[str, Any], name: str, at: str, default: bool = False) -> bool:
    """A parameter that is true or false."""
    value = parameters.get(name, default)
    if isinstance(value, bool):
        return value
    raise InvalidInput([FieldError(pointer(at, name), "is not a boolean", "send true or false", shown(value))])
