"""Stands in for the official Docker plugin at the Pulumi engine, for what the local stack uses of it, and no more.

Attached by ``PULUMI_DEBUG_PROVIDERS``; behind it stand real containers (``docker_resources.py``). A property that is
not implemented is refused by its name.
"""

# ruff: noqa: ARG002  the protocol gives the methods and their arguments

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Any

import grpc
from docker import APIClient
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer, add_ResourceProviderServicer_to_server

from engine.standin.properties import decode, differences, encode
from tests.engine.local.docker_resources import KINDS, Kind, Values


def unknown_properties(kind: Kind, inputs: Values) -> list[str]:
    """The paths of what is not implemented."""
    found: list[str] = []
    for name, value in inputs.items():
        if name not in kind.properties:
            found.append(name)
        elif allowed := kind.properties[name]:
            entries = value if isinstance(value, list) else [value]
            keys = {key for entry in entries if isinstance(entry, dict) for key in entry}
            found += [f"{name}.{key}" for key in sorted(keys - set(allowed))]
    return found


class DockerProvider(ResourceProviderServicer):
    """The protocol's side: each call names a resource of one of the KINDS."""

    def __init__(self, engine: APIClient) -> None:
        self._engine = engine

    def Handshake(self, request: Any, context: Any) -> messages.ProviderHandshakeResponse:
        return messages.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=version("pulumi-docker"))

    def CheckConfig(self, request: messages.CheckRequest, context: Any) -> messages.CheckResponse:
        return messages.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> messages.DiffResponse:
        return messages.DiffResponse()

    def Configure(self, request: Any, context: Any) -> messages.ConfigureResponse:
        # Secrets are not accepted: the engine keeps their marks itself.
        return messages.ConfigureResponse(supportsPreview=True)

    def Check(self, request: messages.CheckRequest, context: Any) -> messages.CheckResponse:
        type_, name = _type_and_name(request.urn)
        kind, inputs = KINDS.get(type_), decode(request.news)
        if kind is None:
            failure = messages.CheckFailure(reason=f"the Docker stand-in has no {type_}")
            return messages.CheckResponse(failures=[failure])
        failures = [
            messages.CheckFailure(property=path, reason=f"the Docker stand-in does not implement {path}")
            for path in unknown_properties(kind, inputs)
        ]
        if "name" not in inputs:
            inputs["name"] = decode(request.olds).get("name") or f"{name}-{request.randomSeed.hex()[:7]}"
        return messages.CheckResponse(inputs=encode(inputs), failures=failures)

    def Diff(self, request: messages.DiffRequest, context: Any) -> messages.DiffResponse:
        kind = KINDS[_type_and_name(request.urn)[0]]
        reported, before = decode(request.olds), decode(request.old_inputs)
        old, new = {key: reported.get(key) for key in before}, decode(request.news)
        found = list(differences(_given(old), _given(new)))
        changed = {each.property for each in found}
        replacing = changed - kind.kept
        return messages.DiffResponse(
            changes=messages.DiffResponse.DIFF_SOME if found else messages.DiffResponse.DIFF_NONE,
            diffs=sorted(changed),
            replaces=sorted(replacing),
            detailedDiff={
                each.path: messages.PropertyDiff(
                    kind=messages.PropertyDiff.Kind.Value(
                        each.kind + ("_REPLACE" if each.property in replacing else "")
                    )
                )
                for each in found
            },
            hasDetailedDiff=True,
        )

    def Invoke(self, request: messages.InvokeRequest, context: grpc.ServicerContext) -> messages.InvokeResponse:
        if request.tok != "docker:index/getRemoteImage:getRemoteImage":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the Docker stand-in has no {request.tok}")
        name = decode(request.args)["name"]
        with _reported(context):
            response = messages.InvokeResponse()
            answer = encode({"id": self._engine.inspect_image(name)["Id"], "name": name, "repoDigest": ""})
            getattr(response, "return").CopyFrom(answer)
            return response

    def Create(self, request: messages.CreateRequest, context: grpc.ServicerContext) -> messages.CreateResponse:
        kind, inputs = KINDS[_type_and_name(request.urn)[0]], decode(request.properties)
        if request.preview:
            return messages.CreateResponse(properties=request.properties)
        with _reported(context):
            id_ = kind.create(self._engine, inputs)
            read = kind.read(self._engine, id_, inputs)
            if read is None:
                raise RuntimeError("the container ended at once")
        return messages.CreateResponse(id=id_, properties=encode({**inputs, **read}))

    def Read(self, request: messages.ReadRequest, context: grpc.ServicerContext) -> messages.ReadResponse:
        kind, inputs = KINDS[_type_and_name(request.urn)[0]], decode(request.inputs)
        with _reported(context):
            try:
                read = kind.read(self._engine, request.id, inputs)
            except NotFound:
                read = None
        if read is None:
            return messages.ReadResponse()
        return messages.ReadResponse(id=request.id, inputs=request.inputs, properties=encode({**inputs, **read}))

    def Update(self, request: messages.UpdateRequest, context: grpc.ServicerContext) -> messages.UpdateResponse:
        kind, inputs = KINDS[_type_and_name(request.urn)[0]], decode(request.news)
        if request.preview:
            return messages.UpdateResponse(properties=encode({**decode(request.olds), **inputs}))
        with _reported(context):
            if kind.update:
                kind.update(self._engine, request.id, inputs)
            read = kind.read(self._engine, request.id, inputs) or {}
        return messages.UpdateResponse(properties=encode({**inputs, **read}))

    def Delete(self, request: messages.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        with _reported(context), suppress(NotFound):
            KINDS[_type_and_name(request.urn)[0]].delete(self._engine, request.id, decode(request.old_inputs))
        return empty_pb2.Empty()


def _given(values: Values) -> Values:
    """The plugin holds an empty list or map for none."""
    return {key: value for key, value in values.items() if value not in ([], {})}


def _type_and_name(urn: str) -> tuple[str, str]:
    """The type and the name of ``urn:pulumi:<stack>::<project>::<parents$type>::<name>``."""
    _, _, types, name = urn.split("::", 3)
    return types.rpartition("$")[2], name


@contextmanager
def _reported(context: grpc.ServicerContext) -> Generator[None]:
    """Answers a failure of the engine as the operation's error."""
    try:
        yield
    except APIError as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error.explanation or error))
    except (DockerException, RuntimeError) as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))


@contextmanager
def serving() -> Generator[str]:
    """Serve the provider on a free port of 127.0.0.1; the value for ``PULUMI_DEBUG_PROVIDERS``."""
    engine = APIClient(**kwargs_from_env(), version="auto", timeout=120)
    with ThreadPoolExecutor(16, thread_name_prefix="docker") as threads:
        server = grpc.server(threads)
        add_ResourceProviderServicer_to_server(DockerProvider(engine), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"docker:{port}"
        finally:
            server.stop(grace=None).wait()
            engine.close()
