"""The weighted proxy, for real: shares, failover and weights that change without a dropped request."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import cast

import pytest

from components.local import proxy
from components.local.weight import Provider

pytestmark = pytest.mark.proxy


class Service(ThreadingHTTPServer):
    """A release that answers its name, and on /health whether it is ready."""

    def __init__(self, name: str) -> None:
        self.name, self.ready = name, True
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A proxy that ends resets its connections: nothing to report."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(cast(socket, request), client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        service = cast(Service, self.server)
        status = 200 if service.ready or self.path != "/health" else 503
        body = service.name.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    sockets = [socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Proxy:
    """A running HAProxy before two services, found by address instead of by the engine's DNS."""

    def __init__(self, directory: Path, stable: Service, candidate: Service) -> None:
        self.public, self.stable, self.candidate, self.weight = free_ports(4)
        text = proxy.configuration(port=1, replicas=1)
        for inside, outside in zip(
            (proxy.PUBLIC, proxy.STABLE, proxy.CANDIDATE, proxy.WEIGHT),
            (self.public, self.stable, self.candidate, self.weight),
            strict=True,
        ):
            text = text.replace(f"bind :{inside}", f"bind 127.0.0.1:{outside}")
        text = text.replace(" resolvers engine init-addr none", "")
        for slot, service in (("stable", stable), ("candidate", candidate)):
            text = text.replace(
                f"server-template {slot} 1-2 {slot}:1", f"server {slot} 127.0.0.1:{service.server_port}"
            )
        file = directory / "haproxy.cfg"
        file.write_text(text)
        self.process = subprocess.Popen(["haproxy", "-W", "-db", "-f", str(file)], stderr=subprocess.DEVNULL)

    def ask(self, port: int) -> str:
        """The body of an answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
            return response.read().decode()

    def shares(self, count: int) -> Counter[str]:
        """Who answered how many of ``count`` public requests."""
        return Counter(self.ask(self.public) for _ in range(count))

    def wait(self, port: int, answer: str) -> None:
        """Until ``port`` answers ``answer``."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                if self.ask(port) == answer:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"{port} never answered {answer}")

    @property
    def weight_url(self) -> str:
        """Where the weight is set."""
        return f"http://127.0.0.1:{self.weight}"


@pytest.fixture
def services() -> Iterator[tuple[Service, Service]]:
    pair = Service("stable"), Service("candidate")
    yield pair
    for service in pair:
        service.shutdown()
        service.server_close()


@pytest.fixture
def running(tmp_path: Path, services: tuple[Service, Service]) -> Iterator[Proxy]:
    found = Proxy(tmp_path, *services)
    found.wait(found.stable, "stable")
    found.wait(found.candidate, "candidate")
    yield found
    found.process.terminate()
    found.process.wait(10)


def test_the_generated_configuration_is_valid(tmp_path: Path) -> None:
    (tmp_path / "haproxy.cfg").write_text(proxy.configuration(port=8000, replicas=3))
    done = subprocess.run(["haproxy", "-c", "-f", str(tmp_path / "haproxy.cfg")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_a_new_proxy_sends_everything_to_the_stable_release(running: Proxy) -> None:
    assert running.shares(50) == {"stable": 50}


def test_the_candidate_gets_its_share_and_the_weight_is_read_back(running: Proxy) -> None:
    provider, props = Provider(), {"url": running.weight_url, "weight": 30, "proxy": "id"}
    created = provider.create(props)
    found = running.shares(1000)
    assert 200 < found["candidate"] < 400  # 30 % of 1000: seven standard deviations either way
    assert provider.read(created.id, props).outs == props
    provider.update(created.id, props, {**props, "weight": 100})
    assert running.shares(50) == {"candidate": 50}


def test_each_release_answers_alone_at_its_own_address(running: Proxy) -> None:
    Provider().create({"url": running.weight_url, "weight": 50, "proxy": "id"})
    assert {running.ask(running.stable) for _ in range(20)} == {"stable"}
    assert {running.ask(running.candidate) for _ in range(20)} == {"candidate"}


def test_a_candidate_that_is_not_ready_gets_nothing(running: Proxy, services: tuple[Service, Service]) -> None:
    Provider().create({"url": running.weight_url, "weight": 100, "proxy": "id"})
    services[1].ready = False
    running.wait(running.public, "stable")
    assert running.shares(30) == {"stable": 30}


@pytest.mark.parametrize("path", ["/101", "/-1", "/x", "/5/6", "/"])
def test_a_weight_that_is_no_percentage_is_refused_and_changes_nothing(running: Proxy, path: str) -> None:
    request = urllib.request.Request(running.weight_url + path, method="PUT")
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(request, timeout=5)
    assert running.ask(running.weight) == "0"


def test_changing_weights_fails_no_request(running: Proxy) -> None:
    provider, failures, done = Provider(), list[str](), threading.Event()

    def load() -> None:
        while not done.is_set():
            try:
                running.ask(running.public)
            except OSError as error:
                failures.append(str(error))

    callers = [threading.Thread(target=load) for _ in range(4)]
    for caller in callers:
        caller.start()
    for weight in (5, 25, 50, 100, 0):
        provider.update("id", {}, {"url": running.weight_url, "weight": weight, "proxy": "id"})
    done.set()
    for caller in callers:
        caller.join()
    assert not failures
