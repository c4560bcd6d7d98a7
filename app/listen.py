"""Opening the service's sockets, with errors that say what to change."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Generator

from prometheus_client import CollectorRegistry, start_http_server

from app.settings import Settings
from app.start import StartError


@contextlib.contextmanager
def explained(host: str, port: int, variable: str = "PORT") -> Generator[None]:
    """Turn an OSError of listening on ``host``:``port`` into a StartError that names the variable to change."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = (
                f"port {port} on {host} is in use; choose another with {variable}={port + 1 if port < 65535 else 0}"
            )
        elif error.errno == errno.EACCES:
            reason = f"port {port} needs privileges; choose one from 1024 with {variable}=8000"
        else:
            reason = f"cannot listen on {host}: {error.strerror or error}; set HOST to an address of this machine"
        raise StartError(reason) from error


def bind(host: str, port: int, variable: str = "PORT") -> socket.socket:
    """A TCP socket bound to ``host``:``port``. It does not listen yet: nothing connects before it is served."""
    with explained(host, port, variable):
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
    return listener


def check_grpc(settings: Settings) -> None:
    """Raise StartError where ``GRPC_PORT`` cannot be had: workers share it, so theirs would silently join another's."""
    if settings.grpc_port is None:
        return
    for name, port in (("PORT", settings.port), ("METRICS_PORT", settings.metrics_port)):
        if settings.grpc_port == port:
            raise StartError(f"GRPC_PORT={port} is {name} too; give each a port of its own")
    bind(settings.host, settings.grpc_port, "GRPC_PORT").close()


def serve_metrics(host: str, port: int, registry: CollectorRegistry) -> None:
    """Expose ``registry`` on a port of its own, from a thread that ends with the process."""
    with explained(host, port, "METRICS_PORT"):
        start_http_server(port, host, registry)


def url(listener: socket.socket) -> str:
    """The address of ``listener`` as one would type it on this machine."""
    host: str
    port: int
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
