"""One package's provider, as the engine sees it, in front of the stand-in cloud.

Secrets are not accepted (``acceptSecrets`` false), as with the bridged providers of AWS and Google: the engine then
takes their marks off what it sends and puts them on every output that stands where a secret input stood. Nothing here
can lose a mark, and the cloud holds the plain value that a real one would have received. As with those providers, an
output of another name that repeats a secret (``tagsAll`` does with ``tags``) has no mark.
"""

# ruff: noqa: ARG002, D102  the protocol gives the methods, their arguments and their meaning

from __future__ import annotations

import importlib.metadata
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer

from engine.standin import check, outputs, replacement
from engine.standin.cloud import Cloud, Record, name_of, type_of
from engine.standin.faults import Refused
from engine.standin.properties import decode, differences, encode
from engine.standin.values import UNKNOWN, plain


class Provider(ResourceProviderServicer):
    """Answers for one package (``aws``, ``azure-native``, …)."""

    def __init__(self, package: str, cloud: Cloud) -> None:
        self._package, self._cloud = package, cloud
        self._configuration: dict[str, str] = {}
        self._lock = threading.Lock()
        self._running: set[threading.Event] = set()

    def Handshake(self, request: Any, context: Any) -> messages.ProviderHandshakeResponse:
        return messages.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version(f"pulumi-{self._package}"))

    def CheckConfig(self, request: messages.CheckRequest, context: Any) -> messages.CheckResponse:
        return messages.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> messages.DiffResponse:
        return messages.DiffResponse()

    def Configure(self, request: messages.ConfigureRequest, context: Any) -> messages.ConfigureResponse:
        prefix = f"{self._package}:config:"
        self._configuration = {key.removeprefix(prefix): value for key, value in request.variables.items()}
        return messages.ConfigureResponse(supportsPreview=True)

    def Check(self, request: messages.CheckRequest, context: Any) -> messages.CheckResponse:
        type_, inputs = type_of(request.urn), decode(request.news)
        found = check.failures(type_, inputs)
        if found:
            failures = [messages.CheckFailure(property=failure.property, reason=failure.reason) for failure in found]
            return messages.CheckResponse(inputs=request.news, failures=failures)
        return messages.CheckResponse(inputs=encode({**self._autonamed(request, type_), **inputs}))

    def Diff(self, request: messages.DiffRequest, context: Any) -> messages.DiffResponse:
        type_, old, new = type_of(request.urn), decode(request.old_inputs), decode(request.news)
        found = [
            difference
            for difference in differences(old, new)
            if not any(difference.within(path) for path in request.ignoreChanges)
        ]
        forced = replacement.forced(type_, old, new) if found else []
        replacing = {each.path for each in found if any(each.within(path) for path in forced)}
        return messages.DiffResponse(
            changes=messages.DiffResponse.DIFF_SOME if found else messages.DiffResponse.DIFF_NONE,
            diffs=sorted({each.property for each in found}),
            replaces=sorted({each.property for each in found if each.path in replacing}),
            deleteBeforeReplace=bool(replacing) and replacement.delete_first(type_, old, new),
            detailedDiff={
                each.path: messages.PropertyDiff(
                    kind=messages.PropertyDiff.Kind.Value(each.kind + ("_REPLACE" if each.path in replacing else "")),
                    inputDiff=True,
                )
                for each in found
            },
            hasDetailedDiff=True,
        )

    def Create(self, request: messages.CreateRequest, context: grpc.ServicerContext) -> messages.CreateResponse:
        urn, inputs, seed = request.urn, decode(request.properties), secrets.token_hex(16)
        if request.preview:
            computed = self._computed(urn, inputs, seed)
            planned = {key: value if key in inputs else UNKNOWN for key, value in computed.items() if key != "id"}
            return messages.CreateResponse(properties=encode(planned))
        with self._operation("create", urn, context):
            computed = self._computed(urn, inputs, seed)
            id_ = computed.pop("id")
            self._cloud.create(Record(urn, id_, seed, inputs, plain(computed)))
        return messages.CreateResponse(id=id_, properties=encode(computed))

    def Read(self, request: messages.ReadRequest, context: grpc.ServicerContext) -> messages.ReadResponse:
        with self._operation("read", request.urn, context):
            record = self._cloud.find(request.urn, request.id)
        if record is None:
            return messages.ReadResponse()
        return messages.ReadResponse(id=record.id, inputs=encode(record.inputs), properties=encode(record.outputs))

    def Update(self, request: messages.UpdateRequest, context: grpc.ServicerContext) -> messages.UpdateResponse:
        urn, inputs = request.urn, decode(request.news)
        if request.preview:
            previous = decode(request.olds)
            record = self._cloud.find(urn, request.id)
            computed = self._computed(urn, inputs, record.seed if record else "")
            planned = {
                key: value if key in inputs or value == previous.get(key) else UNKNOWN
                for key, value in computed.items()
                if key != "id"
            }
            return messages.UpdateResponse(properties=encode(planned))
        with self._operation("update", urn, context):
            computed = self._computed(urn, inputs, self._cloud.existing(urn, request.id).seed)
            computed.pop("id")
            self._cloud.update(urn, request.id, inputs, plain(computed))
        return messages.UpdateResponse(properties=encode(computed))

    def Delete(self, request: messages.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        with self._operation("delete", request.urn, context):
            self._cloud.delete(request.urn, request.id)
        return empty_pb2.Empty()

    def Invoke(self, request: messages.InvokeRequest, context: grpc.ServicerContext) -> messages.InvokeResponse:
        try:
            answer = outputs.answer(self._package, request.tok, decode(request.args), self._configuration)
        except LookupError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        response = messages.InvokeResponse()
        getattr(response, "return").CopyFrom(encode(answer))
        return response

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        with self._lock:
            for ended in self._running:
                ended.set()
        return empty_pb2.Empty()

    def _computed(self, urn: str, inputs: dict[str, Any], seed: str) -> dict[str, Any]:
        """All outputs of a resource, its id among them."""
        return outputs.computed(self._package, type_of(urn), urn, name_of(urn), inputs, seed, self._configuration)

    def _autonamed(self, request: messages.CheckRequest, type_: str) -> dict[str, str]:
        """The physical name that this provider makes up, kept from the previous inputs if there was one."""
        property_ = outputs.autoname(type_)
        if property_ is None:
            return {}
        previous = decode(request.olds).get(property_)
        return {property_: previous or f"{name_of(request.urn)}-{request.randomSeed.hex()[:7]}"}

    @contextmanager
    def _operation(self, method: str, urn: str, context: grpc.ServicerContext) -> Generator[None]:
        """Around an operation that touches the cloud: meets the armed faults, and answers a refusal as the error."""
        faults, type_, name = self._cloud.faults, type_of(urn), name_of(urn)
        ended = threading.Event()
        if not context.add_callback(ended.set):
            ended.set()
        with self._lock:
            self._running.add(ended)
        try:
            faults.meet(method, type_, name, ended)
            yield
            faults.meet(method, type_, name, ended, after=True)
        except Refused as refusal:
            context.abort(refusal.code, str(refusal))
        finally:
            with self._lock:
                self._running.discard(ended)
