"""The services of the stand-in cloud, as a caller meets them: an HTTP proxy that answers for every host of the cloud.

A process with ``DataPlane.environment`` reaches ``https://<any host>/health`` as it would on the internet: through a
proxy, over TLS with a certificate for that host. What a host answers comes from ``serving``, which is asked anew for
each request; a test may say otherwise for a while.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import urlsplit

import trustme

Serving = Callable[[str, int], str | None]
"""(host, port) → the release that answers there, None where nothing does."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a host answers; without ``release`` its own.

    ``delay`` in seconds before each answer; ``nothing``: the connection is closed without one; ``token``: only a
    request with this bearer token is answered, others get 401; ``lasting``: seconds from the first request on after
    which the host answers for itself again.
    """

    release: str | None = None
    status: int = 200
    delay: float = 0
    nothing: bool = False
    token: str | None = None
    lasting: float = float("inf")


class DataPlane:
    """``with DataPlane(serving) as plane:``; ``asked`` lists every address that was asked, in order."""

    def __init__(self, serving: Serving) -> None:
        self.asked: list[str] = []
        self._serving = serving
        self._answers: dict[str | None, Answer] = {}
        self._since: dict[str | None, float] = {}
        self._authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True

    def answers(self, host: str | None = None, **answer: Any) -> None:
        """From now on ``host`` (every one by default) gives this Answer; without one, its own release again."""
        with self._lock:
            self._since.pop(host, None)
            if answer:
                self._answers[host] = Answer(**answer)
            else:
                self._answers.pop(host, None)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a process that is to see this cloud. gRPC's own connections stay on this machine."""
        proxy = f"http://127.0.0.1:{self._server.server_port}"
        return {
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy),
            **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost"),
            "SSL_CERT_FILE": str(self._certificates),
        }

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            self._certificates = Path(directory, "authority.pem")
            self._authority.cert_pem.write_to_path(str(self._certificates))
            thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            thread.start()
            stack.callback(self._server.server_close)
            stack.callback(self._server.shutdown)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def known(self, host: str, port: int) -> bool:
        """Whether the cloud has a service there."""
        return self._serving(host, port) is not None

    def answer(self, host: str, port: int) -> Answer:
        """What to answer now."""
        own = Answer(release=self._serving(host, port))
        with self._lock:
            for key in (host, None):
                told = self._answers.get(key)
                if told and time.monotonic() - self._since.setdefault(key, time.monotonic()) < told.lasting:
                    return told if told.release else replace(told, release=own.release)
        return own

    def context(self, host: str) -> ssl.SSLContext:
        """A server's side of TLS for ``host``."""
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._authority.issue_cert(host).configure_cert(self._contexts[host])
            return self._contexts[host]


class _Handler(BaseHTTPRequestHandler):
    """Serves one connection: a plain request with an absolute address, or CONNECT and then TLS."""

    def __init__(self, plane: DataPlane, *args: Any) -> None:
        self.plane, self.origin = plane, ""
        super().__init__(*args)

    def do_CONNECT(self) -> None:
        """Open a tunnel, at whose other end this very handler answers for the host."""
        found = urlsplit(f"//{self.path}")
        host, port = cast(str, found.hostname), cast(int, found.port)
        if not self.plane.known(host, port):
            self.send_error(502, f"no service at {self.path}")
            return
        self.send_response_only(200)
        self.end_headers()
        try:
            self.connection = self.plane.context(host).wrap_socket(self.connection, server_side=True)
        except OSError:  # the client does not trust this authority
            self.close_connection = True
            return
        self.rfile, self.wfile = self.connection.makefile("rb", -1), self.connection.makefile("wb", 0)
        self.origin, self.close_connection = f"https://{self.path.removesuffix(':443')}", False

    def do_GET(self) -> None:
        """Answer /health for the host."""
        address = self.origin + self.path
        found = urlsplit(address)
        host, port = cast(str, found.hostname), found.port or (443 if found.scheme == "https" else 80)
        self.plane.asked.append(address)
        self.close_connection = True
        if not self.plane.known(host, port):
            self.send_error(502, f"no service at {host}:{port}")
            return
        answer = self.plane.answer(host, port)
        time.sleep(answer.delay)
        if answer.nothing:
            return
        if answer.token and self.headers["Authorization"] != f"Bearer {answer.token}":
            self.send_error(401)
        elif found.path != "/health":
            self.send_error(404)
        else:
            with contextlib.suppress(ConnectionError):  # whoever asked did not wait
                self._send(answer)

    def _send(self, answer: Answer) -> None:
        """The health report of a release."""
        report: dict[str, str | int | None] = {"status": answer.status, "detail": "the server is starting"}
        if answer.status == 200:
            model_version = (answer.release or "").partition("-")[0]
            report = {"status": "ready", "release": answer.release, "model": "iris", "model_version": model_version}
        body = json.dumps(report).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        """Close the tunnel too, where there is one."""
        super().finish()
        if isinstance(self.connection, ssl.SSLSocket):
            self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: ``asked`` is the log."""
