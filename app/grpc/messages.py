"""The protocol's messages, made at run time from a table of their fields.

Code that protoc generates refuses every older protobuf than its own, and which one is installed depends on packages
that have nothing to do with serving. A table works with all of them.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"

# By message: its fields in the order of their numbers, which begin at 1. A type in brackets is repeated, one in braces
# is that of the values of a map from texts.
_TENSOR = "name string, datatype string, shape [int64], parameters {InferParameter}, contents InferTensorContents"
_MESSAGES = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "live bool",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "ready bool",
    "ModelReadyRequest": "name string, version string",
    "ModelReadyResponse": "ready bool",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "name string, version string, extensions [string]",
    "ModelMetadataRequest": "name string, version string",
    "ModelMetadataResponse": "name string, versions [string], platform string,"
    " inputs [ModelMetadataResponse.TensorMetadata], outputs [ModelMetadataResponse.TensorMetadata]",
    "ModelMetadataResponse.TensorMetadata": "name string, datatype string, shape [int64]",
    "ModelInferRequest": "model_name string, model_version string, id string, parameters {InferParameter},"
    " inputs [ModelInferRequest.InferInputTensor], outputs [ModelInferRequest.InferRequestedOutputTensor],"
    " raw_input_contents [bytes]",
    "ModelInferRequest.InferInputTensor": _TENSOR,
    "ModelInferRequest.InferRequestedOutputTensor": "name string, parameters {InferParameter}",
    "ModelInferResponse": "model_name string, model_version string, id string, parameters {InferParameter},"
    " outputs [ModelInferResponse.InferOutputTensor], raw_output_contents [bytes]",
    "ModelInferResponse.InferOutputTensor": _TENSOR,
    "InferParameter": "bool_param bool, int64_param int64, string_param string, double_param double,"
    " uint64_param uint64",
    "InferTensorContents": "bool_contents [bool], int_contents [int32], int64_contents [int64], uint_contents [uint32],"
    " uint64_contents [uint64], fp32_contents [float], fp64_contents [double], bytes_contents [bytes]",
}  # fmt: skip
CHOICE = "parameter_choice"
"""The oneof of all fields of ``InferParameter``."""

_FIELD = descriptor_pb2.FieldDescriptorProto


def _file() -> descriptor_pb2.FileDescriptorProto:
    """The table as protobuf describes files."""
    file = descriptor_pb2.FileDescriptorProto(name="open_inference.proto", package=PACKAGE, syntax="proto3")
    made: dict[str, descriptor_pb2.DescriptorProto] = {}
    for name, fields in _MESSAGES.items():
        outer, _, inner = name.rpartition(".")
        message = (made[outer].nested_type if outer else file.message_type).add(name=inner)
        made[name] = message
        for number, text in enumerate(filter(None, fields.split(", ")), 1):
            _add_field(message, name, number, *text.split(" "))
    parameter = made["InferParameter"]
    parameter.oneof_decl.add(name=CHOICE)
    for field in parameter.field:
        field.oneof_index = 0
    return file


def _add_field(message: descriptor_pb2.DescriptorProto, owner: str, number: int, name: str, kind: str) -> None:
    """Add a field to the message ``owner``; the entries of a map are messages of their own."""
    field = message.field.add(name=name, number=number, label=_FIELD.LABEL_OPTIONAL)
    if kind[0] in "[{":
        field.label = _FIELD.LABEL_REPEATED
    if kind[0] == "{":
        entry = message.nested_type.add(name=f"{name.capitalize()}Entry")
        entry.options.map_entry = True
        _add_field(entry, "", 1, "key", "string")
        _add_field(entry, "", 2, "value", kind[1:-1])
        _set_type(field, f"{owner}.{entry.name}")
    else:
        _set_type(field, kind.strip("[]"))


def _set_type(field: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
    """Make ``field`` one of ``kind``, a scalar's name or a message's."""
    if kind[0].isupper():
        field.type = _FIELD.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{kind}"
    else:
        field.type = _FIELD.Type.Value(f"TYPE_{kind.upper()}")


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())


def message(name: str) -> Any:
    """The class of the message ``name``."""
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
