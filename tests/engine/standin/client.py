"""The engine's side of the protocol, for one resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from engine.standin.properties import decode, encode


class Client:
    """What the engine does with one resource: check it, then create, compare, change, read and delete it."""

    def __init__(self, port: int, type_: str, name: str) -> None:
        self.urn = f"urn:pulumi:test::mlplatform::mlplatform:test:Parent${type_}::{name}"
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = ResourceProviderStub(self._channel)

    def close(self) -> None:
        """Hang up, as an engine that is killed does."""
        self._channel.close()

    def configure(self, **values: str) -> None:
        package = self.urn.split("$")[1].partition(":")[0]
        variables = {f"{package}:config:{key}": value for key, value in values.items()}
        self.stub.Configure(messages.ConfigureRequest(variables=variables))

    def check(self, inputs: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> messages.CheckResponse:
        return self.stub.Check(
            messages.CheckRequest(urn=self.urn, olds=encode(olds or {}), news=encode(inputs), randomSeed=b"\x01" * 32)
        )

    def create(self, inputs: Mapping[str, Any], *, preview: bool = False) -> tuple[str, dict[str, Any]]:
        answer = self.stub.Create(messages.CreateRequest(urn=self.urn, properties=encode(inputs), preview=preview))
        return answer.id, decode(answer.properties)

    def diff(
        self, id_: str, old: Mapping[str, Any], new: Mapping[str, Any], ignore: tuple[str, ...] = ()
    ) -> messages.DiffResponse:
        return self.stub.Diff(
            messages.DiffRequest(
                urn=self.urn,
                id=id_,
                olds=encode(old),
                old_inputs=encode(old),
                news=encode(new),
                ignoreChanges=ignore,
            )
        )

    def update(
        self, id_: str, state: Mapping[str, Any], inputs: Mapping[str, Any], *, preview: bool = False
    ) -> dict[str, Any]:
        return decode(
            self.stub.Update(
                messages.UpdateRequest(urn=self.urn, id=id_, olds=encode(state), news=encode(inputs), preview=preview)
            ).properties
        )

    def read(self, id_: str) -> messages.ReadResponse:
        return self.stub.Read(messages.ReadRequest(urn=self.urn, id=id_))

    def delete(self, id_: str) -> None:
        self.stub.Delete(messages.DeleteRequest(urn=self.urn, id=id_))
