"""Serves the stand-in cloud to the Pulumi engine: one port per provider package, in threads of this process."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server

from engine.standin.cloud import Cloud
from engine.standin.provider import Provider

PACKAGES = ("azure-native", "aws", "gcp", "docker", "docker-build")
_THREADS = 32
"""For all packages together; the engine starts four operations per processor at once, unless told otherwise."""
_MESSAGE_BYTES = 400 * 1024 * 1024
"""What the engine itself sends and accepts."""


@dataclass(frozen=True)
class Server:
    """A stand-in cloud that is being served."""

    cloud: Cloud
    ports: dict[str, int]

    @property
    def environment(self) -> dict[str, str]:
        """What the engine's environment needs, so that it asks these providers and looks for no plugin."""
        return {"PULUMI_DEBUG_PROVIDERS": ",".join(f"{package}:{port}" for package, port in self.ports.items())}


@contextmanager
def serving(cloud: Cloud, packages: Sequence[str] = PACKAGES) -> Generator[Server]:
    """Serve ``cloud`` on free ports of 127.0.0.1 until the block ends; calls still running then are cancelled."""
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES), ("grpc.max_send_message_length", _MESSAGE_BYTES)]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="stand-in") as threads:
        servers: list[grpc.Server] = []
        ports: dict[str, int] = {}
        try:
            for package in packages:
                server = grpc.server(threads, options=options)
                add_ResourceProviderServicer_to_server(Provider(package, cloud), server)
                ports[package] = server.add_insecure_port("127.0.0.1:0")
                server.start()
                servers.append(server)
            yield Server(cloud, ports)
        finally:
            for stopped in [server.stop(grace=None) for server in servers]:
                stopped.wait()
