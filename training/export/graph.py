"""A small builder of ONNX graphs, so that the exporters read as the arithmetic they write down."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ML = "ai.onnx.ml"
OPSETS = {"": 21, ML: 5}
IR_VERSION = 10
DOUBLE: int = TensorProto.DOUBLE
FLOAT: int = TensorProto.FLOAT
INT64: int = TensorProto.INT64
STRING: int = TensorProto.STRING


class Graph:
    """Collects nodes and constants; every method returns the name of a value to use in the next node."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    def input(self, name: str, kind: int, width: int) -> str:
        """Declare an input of shape ``[rows, width]``."""
        self._inputs.append(helper.make_tensor_value_info(name, kind, ["rows", width]))
        return name

    def constant(self, value: Any, dtype: Any = np.float64) -> str:
        """A constant tensor; ``value`` is anything that numpy makes an array of."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def add(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Append a node with one output."""
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def output(self, name: str, value: str, kind: int, shape: list[int | str]) -> None:
        """Declare ``value`` to be the graph's output ``name``."""
        self._nodes.append(helper.make_node("Identity", [value], [name], name=name))
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def to_bytes(self) -> bytes:
        """The checked model, serialized: equal graphs give equal bytes."""
        graph = helper.make_graph(self._nodes, "model", self._inputs, self._outputs, self._constants)
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="mlplatform")
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))
