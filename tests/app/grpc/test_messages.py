"""The messages are the protocol's to the last number, and calls that Triton's client does not make are translated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton

from app.grpc.messages import CHOICE, SERVICE, message
from app.grpc.translate import CallError, infer
from tests.app.models import FLOWER
from tests.app.service import Start, failed_start, free_port

NAMES = [
    *(
        f"{method}{way}"
        for method in ("ServerLive", "ServerReady", "ServerMetadata")
        for way in ("Request", "Response")
    ),
    *(f"{method}{way}" for method in ("ModelReady", "ModelMetadata", "ModelInfer") for way in ("Request", "Response")),
    "InferTensorContents",
    "InferParameter",
]


def fields(kind: Any) -> dict[str, tuple[object, ...]]:
    """What the wire shows of a message's fields and, with dots, of those of the messages within it."""
    found: dict[str, tuple[object, ...]] = {}
    for field in kind.fields:
        found[field.name] = (field.number, field.type, field.label, field.message_type and field.message_type.full_name)
    for inner in kind.nested_types:
        found |= {f"{inner.name}.{name}": facts for name, facts in fields(inner).items()}
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_tritons(name: str) -> None:
    theirs = fields(getattr(triton.service_pb2, name).DESCRIPTOR)
    ours = fields(message(name).DESCRIPTOR)
    assert ours.items() <= theirs.items()
    # Triton has one more way to send the elements of a tensor than the protocol's specification: none of these fields.
    assert [field for field in theirs.keys() - ours.keys() if name != "InferTensorContents"] == []


def test_a_parameter_has_one_value() -> None:
    parameter = message("InferParameter")(bool_param=True)
    parameter.int64_param = 7
    assert (parameter.WhichOneof(CHOICE), parameter.bool_param) == ("int64_param", False)


def typed(datatype: str, field: str, values: list[Any]) -> Any:
    """A request with one tensor whose elements are typed."""
    request = message("ModelInferRequest")(model_name="flowers")
    tensor = request.inputs.add(name="x", datatype=datatype, shape=[len(values)])
    getattr(tensor.contents, field).extend(values)
    return request


@pytest.mark.parametrize(
    ("datatype", "field", "values", "binary"),
    [
        ("BOOL", "bool_contents", [True, False], b"\1\0"),
        ("INT8", "int_contents", [-1, 127], b"\xff\x7f"),
        ("INT64", "int64_contents", [2**63 - 1], np.array([2**63 - 1], "<i8").tobytes()),
        ("UINT16", "uint_contents", [65_535], b"\xff\xff"),
        ("UINT64", "uint64_contents", [2**64 - 1], b"\xff" * 8),
        ("FP32", "fp32_contents", [0.5, float("nan")], np.array([0.5, np.nan], "<f4").tobytes()),
        ("FP64", "fp64_contents", [0.1], np.array([0.1], "<f8").tobytes()),
        ("BYTES", "bytes_contents", ["süd".encode(), b""], b"\4\0\0\0s\xc3\xbcd\0\0\0\0"),
    ],
)
def test_typed_elements_become_binary_data(datatype: str, field: str, values: list[Any], binary: bytes) -> None:
    assert infer(typed(datatype, field, values), 1_000).body.endswith(b"}" + binary)


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (typed("INT8", "int_contents", [128]), "x: a value is beyond INT8"),
        (typed("FP64", "fp32_contents", [1.0]), "x: fp32_contents in a tensor of FP64; send fp64_contents"),
        (message("ModelInferRequest")(raw_input_contents=[b"1"]), "1 raw_input_contents for 0 inputs"),
    ],
    ids=["beyond", "other field", "count"],
)
def test_a_call_that_contradicts_itself_is_refused(request_: Any, says: str) -> None:
    with pytest.raises(CallError, match=says):
        infer(request_, 1_000)


def serialized(sent: Any) -> bytes:
    """A message as it is sent."""
    return sent.SerializeToString()


def test_any_client_of_the_protocol_is_served(start_service: Start, flowers: Path) -> None:
    port = free_port()
    service = start_service(flowers, GRPC_PORT=port)
    request = message("ModelInferRequest")(model_name="flowers")
    for name, value in FLOWER.items():
        request.inputs.add(name=name, datatype="FP64", shape=[1]).contents.fp64_contents.append(value)
    expected = service.client.post("/predict", json=FLOWER).json()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        method = channel.unary_unary(
            f"/{SERVICE}/ModelInfer",
            request_serializer=serialized,
            response_deserializer=message("ModelInferResponse").FromString,
        )
        found, call = method.with_call(request, metadata=(("x-request-id", "mine-7"),))
        assert dict(call.initial_metadata())["x-request-id"] == "mine-7"
        assert found.raw_output_contents[0][4:].decode() == expected["prediction"]
        probabilities = np.frombuffer(found.raw_output_contents[1])
        assert probabilities.tolist() == [*expected["probabilities"].values()]
        request.inputs[0].shape[:] = [2]
        with pytest.raises(grpc.RpcError) as caught:
            method(request)
        assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT  # pyright: ignore[reportAttributeAccessIssue]
        assert "elements, but the shape" in str(caught.value.details())  # pyright: ignore[reportAttributeAccessIssue]


def test_without_its_packages_one_line_says_how_to_get_them(flowers: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['grpc'] = None\n")
    told = failed_start(flowers, GRPC_PORT=free_port(), PYTHONPATH=tmp_path)
    assert told.startswith("GRPC_PORT=")
    assert "pip install 'mlplatform[grpc]'" in told
