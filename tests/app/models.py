"""Small models with every kind of feature, built by hand to the graph's contract (see `app.artifact`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from app.artifact import (
    FORMAT,
    MANIFEST,
    MODEL,
    RELEASE,
    Data,
    Distribution,
    Example,
    Feature,
    Gate,
    Manifest,
    Release,
    Scalar,
    encode,
    sha256,
    version_of,
)


def number(name: str, *, nullable: bool = False) -> Feature:
    """A numeric feature seen between 0 and 10."""
    distribution = Distribution(edges=[2.0, 4.0, 6.0, 8.0], counts=[1, 2, 3, 2, 2], missing=int(nullable))
    return Feature(name, "number", nullable, distribution, minimum=0.0, maximum=10.0)


def boolean(name: str, *, nullable: bool = False) -> Feature:
    """A boolean feature."""
    return Feature(name, "boolean", nullable, Distribution(edges=[], counts=[4, 6]))


def category(name: str, *categories: str, nullable: bool = False) -> Feature:
    """A text feature with these categories."""
    distribution = Distribution(edges=[], counts=[5] * len(categories))
    return Feature(name, "category", nullable, distribution, categories=list(categories))


class Graph:
    """Collects ONNX nodes; every call returns the name of its output."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: Any, dtype: Any = np.float64) -> str:
        """A constant tensor."""
        array = np.array(value, dtype=dtype)
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """A node with one output."""
        name = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def serialize(self, features: list[Feature], classes: int) -> bytes:
        """The model with the contract's inputs and outputs for these features and this number of classes."""
        texts = sum(feature.type == "category" for feature in features)
        numbers = len(features) - texts
        inputs = [helper.make_tensor_value_info("numbers", TensorProto.DOUBLE, [None, numbers])] if numbers else []
        if texts:
            inputs.append(helper.make_tensor_value_info("texts", TensorProto.STRING, [None, texts]))
        outputs = [helper.make_tensor_value_info("prediction", TensorProto.DOUBLE, [None])]
        if classes:
            outputs = [
                helper.make_tensor_value_info("label", TensorProto.INT64, [None]),
                helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, classes]),
            ]
        graph = helper.make_graph(self.nodes, "model", inputs, outputs, initializer=self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=10)
        onnx.checker.check_model(model)
        return model.SerializeToString()


def write_artifact(
    directory: Path,
    *,
    name: str,
    features: list[Feature],
    classes: list[Scalar],
    instance: dict[str, Any],
    model: bytes,
    example: tuple[Scalar, list[float]] | None = None,
) -> Path:
    """Write a version directory for ``model`` whose example is what the model says of ``instance``."""
    prediction, probabilities = example or _predict(model, features, classes, instance)
    manifest = Manifest(
        format=FORMAT,
        name=name,
        version="",
        task="classification" if classes else "regression",
        estimator="linear",
        target="target",
        classes=classes,
        features=features,
        predictions=(
            Distribution(edges=[], counts=[5] * len(classes)) if classes else Distribution([10.0, 20.0], [3, 4, 3])
        ),
        example=Example(instance, prediction, probabilities),
        metrics={"accuracy": 1.0},
        data=Data(source="made by hand", rows=1, fingerprint="0"),
        settings={},
        libraries={},
        code="0",
        files={MODEL: sha256(model)},
    )
    manifest = msgspec.json.decode(encode(manifest), type=Manifest)  # whole numbers become floats, as for a reader
    manifest = msgspec.structs.replace(manifest, version=version_of(manifest))
    target = directory / manifest.version
    target.mkdir(parents=True)
    (target / MODEL).write_bytes(model)
    (target / MANIFEST).write_bytes(encode(manifest))
    release = Release(manifest.version, "2026-01-02T03:04:05Z", None, False, Gate(True, [], None, {}))
    (target / RELEASE).write_bytes(encode(release))
    (directory / "current").write_text(manifest.version + "\n")
    return directory


def _predict(
    model: bytes, features: list[Feature], classes: list[Scalar], instance: dict[str, Any]
) -> tuple[Scalar, list[float]]:
    """What the model says, by an independent way from row to graph."""
    feed: dict[str, Any] = {}
    values = {feature.name: instance.get(feature.name) for feature in features}
    numbers = [values[f.name] for f in features if f.type != "category"]
    texts = [values[f.name] for f in features if f.type == "category"]
    if numbers:
        feed["numbers"] = np.array([[np.nan if value is None else float(value) for value in numbers]])
    if texts:
        feed["texts"] = np.array([[value or "" for value in texts]], dtype=object)
    outputs: list[Any] = list(onnxruntime.InferenceSession(model).run(None, feed))
    if not classes:
        return float(outputs[0][0]), []
    return classes[int(outputs[0][0])], [float(value) for value in outputs[1][0]]


def _classify(graph: Graph, scores: str) -> None:
    """Softmax and ArgMax of scores ``[rows, classes]`` as the contract's outputs."""
    probabilities = graph.add("Softmax", scores, output="probabilities", axis=1)
    graph.add("ArgMax", probabilities, output="label", axis=1, keepdims=0)


FLOWER = {"sepal length (cm)": 5.1, "sepal width (cm)": 3.5, "petal length (cm)": 1.4, "petal width (cm)": 0.2}


def flowers(directory: Path) -> Path:
    """Three classes from four numbers: a linear model, in shape like the iris one."""
    features = [number(name) for name in FLOWER]
    graph = Graph()
    weights = graph.constant([[0.5, -0.2, -0.3], [1.1, 0.1, -0.6], [-1.6, 0.3, 1.1], [-0.8, -0.2, 1.0]])
    _classify(graph, graph.add("MatMul", "numbers", weights))
    return write_artifact(
        directory,
        name="flowers",
        features=features,
        classes=["setosa", "versicolor", "virginica"],
        instance=dict(FLOWER),
        model=graph.serialize(features, classes=3),
    )


LOAN = {"age": 41, "region": "east", "income": 52000.5, "owns_home": True, "employment": None, "guarantor": None}


def loans(directory: Path) -> Path:
    """Two boolean classes from numbers, texts and booleans, with gaps in all of them."""
    features = [
        number("age"),
        category("region", "east", "north/west", "süd"),
        number("income", nullable=True),
        boolean("owns_home"),
        category("employment", "employed", "self-employed", nullable=True),
        boolean("guarantor", nullable=True),
    ]
    graph = Graph()
    filled = graph.add("Where", graph.add("IsNaN", "numbers"), graph.constant(-1.0), "numbers")
    texts = [
        graph.add("Cast", graph.add("Equal", "texts", graph.constant([[region, work]], object)), to=TensorProto.DOUBLE)
        for region, work in (("east", "employed"), ("süd", ""))
    ]
    row = graph.add("Concat", filled, *texts, axis=1)
    columns = [[-0.02, 0.02], [-1e-6, 1e-6], [-0.3, 0.3], [-0.1, 0.1], [0.4, -0.4], [0.2, -0.2], [-0.5, 0.5], [0.7, 0]]
    _classify(graph, graph.add("MatMul", row, graph.constant(columns)))
    return write_artifact(
        directory,
        name="loans",
        features=features,
        classes=[False, True],
        instance={name: value for name, value in LOAN.items() if value is not None},
        model=graph.serialize(features, classes=2),
    )


def prices(directory: Path, room: float = 3.0) -> Path:
    """A regression on two numbers: ``room`` · rooms + 0.5 · age."""
    features = [number("rooms"), number("age")]
    graph = Graph()
    graph.add("MatMul", "numbers", graph.constant([room, 0.5]), output="prediction")
    return write_artifact(
        directory,
        name="prices",
        features=features,
        classes=[],
        instance={"rooms": 4.0, "age": 10.0},
        model=graph.serialize(features, classes=0),
    )


def fragile(directory: Path) -> Path:
    """A regression that fails while it runs: ``shelf`` beyond 9 is out of bounds, ``ratio`` 0 gives infinity."""
    features = [number("shelf"), number("ratio")]
    graph = Graph()
    columns = [graph.add("Gather", "numbers", graph.constant(column, np.int64), axis=1) for column in (0, 1)]
    shelf = graph.add("Cast", columns[0], to=TensorProto.INT64)
    looked_up = graph.add("Gather", graph.constant(list(range(10))), shelf, axis=0)
    graph.add("Div", looked_up, columns[1], output="prediction")
    return write_artifact(
        directory,
        name="fragile",
        features=features,
        classes=[],
        instance={"shelf": 3, "ratio": 2.0},
        model=graph.serialize(features, classes=0),
    )


def slow(directory: Path) -> Path:
    """A regression that counts to ``steps``: its example takes milliseconds, a million about as many seconds.

    Rows in one call take as long as the longest of them.
    """
    features = [number("steps")]
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["going_on"]),
            helper.make_node("Add", ["sum", "sum_step"], ["sum_out"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.DOUBLE, [1]),
        ],
        [
            helper.make_tensor_value_info("going_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum_out", TensorProto.DOUBLE, [1]),
        ],
        initializer=[numpy_helper.from_array(np.array([1.0]), "sum_step")],
    )
    graph = Graph()
    most = graph.add("ReduceMax", "numbers", keepdims=0)
    count = graph.add("Cast", most, to=TensorProto.INT64)
    total = graph.add("Loop", count, graph.constant(True, np.bool_), graph.constant([0.0]), body=body)
    rows = graph.add("ReduceMax", "numbers", graph.constant([1], np.int64), keepdims=0)
    graph.add("Min", rows, total, output="prediction")
    return write_artifact(
        directory,
        name="slow",
        features=features,
        classes=[],
        instance={"steps": 20_000},
        model=graph.serialize(features, classes=0),
    )


def two(directory: Path, classes: list[Scalar]) -> Path:
    """Two classes from one number: the second where it is above 0."""
    features = [number("x")]
    graph = Graph()
    _classify(graph, graph.add("MatMul", "numbers", graph.constant([[-1.0, 1.0]])))
    return write_artifact(
        directory,
        name="two",
        features=features,
        classes=classes,
        instance={"x": 1.0},
        model=graph.serialize(features, classes=2),
    )
