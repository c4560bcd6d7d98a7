"""Clients that mean harm, or know no better, over bare sockets: each gets a defined answer and leaves no trace."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import time
from pathlib import Path

import pytest

from app.connection import LINGER_SECONDS, MAX_HEAD_BYTES, MAX_HEADERS, MAX_PIPELINED
from tests.app.models import FLOWER
from tests.app.service import BODY, Service, Start, eventually

MIB = 1 << 20
LIMIT = 20_000
CONNECTIONS = 60
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LENGTH = HEAD + b"Content-Length: %d\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def post(body: bytes) -> bytes:
    """A request for a prediction."""
    return LENGTH % len(body) + body


def flower(literal: str) -> bytes:
    """A request in which this is the text of one value."""
    return post(json.dumps(FLOWER).replace("5.1", literal).encode())


def chunks(*parts: bytes) -> bytes:
    """A chunked request for a prediction."""
    return CHUNKED + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


# What is sent, and the status of the first answer.
CASES: dict[str, tuple[bytes, int]] = {
    "a good row": (post(BODY), 200),
    "a good row in chunks": (chunks(*(BODY[place : place + 7] for place in range(0, len(BODY), 7))), 200),
    "a body that is declared too large": (LENGTH % 99_999_999, 413),
    "a length beyond 64 bits": (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "a chunked body that grows too large": (chunks(*[b" " * 1_000] * 40), 413),
    "a chunk of absurd size": (CHUNKED + b"ffffffffffffffffff\r\nx", 400),
    "a chunk without a size": (CHUNKED + b"zz\r\nx\r\n", 400),
    "a length and chunks": (HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunks and a length": (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400),
    "two lengths": (HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "a signed length": (HEAD + b"Content-Length: +3\r\n\r\nabc", 400),
    "an unknown transfer coding": (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "chunks that are not last": (HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    "too many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n", 431),
    "a bomb of headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200_000 + b"\r\n", 431),
    "a header too large": (b"GET / HTTP/1.1\r\nX: " + b"y" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
    "a header without end": (b"GET / HTTP/1.1\r\nX: " + b"y" * 2 * MIB, 431),
    "a target without end": (b"GET /" + b"y" * 2 * MIB, 431),
    "empty lines without end": (b"\r\n" * MIB, 431),
    "a header without a colon": (b"GET / HTTP/1.1\r\nHost x\r\n\r\n", 400),
    "a header with a space in its name": (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
    "a header with a zero byte": (b"GET / HTTP/1.1\r\nX: \0\r\n\r\n", 400),
    "a folded header": (b"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500), 400),
    "a tunnel": (b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an unknown method": (b"STEAL / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an upgrade": (b"GET /health HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
    "an upgrade that is taken for granted": (
        b"GET /health HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
        400,
    ),
    "a target that is not ASCII": (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a body that is not UTF-8": (post(BODY[:-2] + b"\xff}"), 400),
    "deep arrays": (post(b"[" * 15_000), 400),
    "deep objects": (post(b'{"a":' * 3_000), 400),
    "1e308": (flower("1e308"), 422),
    "1e400": (flower("1e400"), 422),
    "NaN": (flower("NaN"), 422),
    "Infinity": (flower("-Infinity"), 422),
    "an integer of 10,000 digits": (flower("9" * 10_000), 422),
    "an integer beyond 64 bits, which is a number": (flower(str(2**64 + 1)), 200),
    "a key twice, of which the last one counts": (flower('9, "sepal length (cm)": 5.1'), 200),
}


@pytest.fixture(scope="module")
def service(start_service: Start, flowers: Path) -> Service:
    return start_service(flowers, REQUEST_SECONDS=1, MAX_BODY_BYTES=LIMIT, MAX_CONNECTIONS=CONNECTIONS)


def connect(service: Service) -> socket.socket:
    """A connection of its own."""
    return socket.create_connection(service.address, timeout=20)


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    received: list[bytes] = []
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(65536):
            received.append(data)
    return b"".join(received)


def one_answer(connection: socket.socket) -> bytes:
    """The next answer, whole: head and body may come one by one."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return b"HTTP/1.1 %d " % answer.status + answer.read()


def exchange(service: Service, request: bytes) -> bytes:
    """Send ``request``, say that this was all, and return what comes back."""
    with connect(service) as connection:
        with contextlib.suppress(OSError):  # refused before it was sent
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        return rest(connection)


def status(answer: bytes) -> int:
    """The status of an answer, 0 where there is none."""
    return int(answer[9:12] or 0)


def refused(service: Service, reason: str) -> float:
    """How many connections were refused for ``reason``."""
    return service.metrics()[f'api_connections_refused_total{{reason="{reason}"}}']


def descriptors(service: Service) -> int:
    """How many files and sockets the server has open."""
    return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))


def resident(service: Service) -> int:
    """The server's memory in bytes."""
    return int(Path(f"/proc/{service.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("case", CASES)
def test_each_has_a_defined_answer_that_names_its_cause(service: Service, case: str) -> None:
    request, expected = CASES[case]
    answer = exchange(service, request)
    assert status(answer) == expected, answer
    if expected >= 400:
        head, _, content = answer.partition(b"\r\n\r\n")
        assert b"content-type: application/problem+json" in head
        problem = json.loads(content[: content.rindex(b"}") + 1])
        assert problem["status"] == expected
        assert problem["type"].startswith("urn:mlplatform:problem:")
        assert problem["detail"]
    assert status(exchange(service, post(BODY))) == 200


def test_hundreds_of_them_leave_memory_and_descriptors_as_they_were(service: Service) -> None:
    def all_of_them(times: int) -> None:
        for _ in range(times):
            for request, expected in CASES.values():
                assert status(exchange(service, request)) == expected
            abandon(service, 20)

    all_of_them(8)
    eventually(lambda: service.metrics()["api_requests_in_flight"] == 1)  # the scrape itself
    before, opened = resident(service), descriptors(service)
    all_of_them(12)
    eventually(lambda: descriptors(service) <= opened)
    assert resident(service) - before < 4 * MIB
    assert "Traceback" not in service.log.read_text()
    assert status(exchange(service, post(BODY))) == 200


def abandon(service: Service, count: int) -> None:
    """Ask, and reset the connection without reading."""
    for number in range(count):
        with connect(service) as connection:
            connection.sendall([LIVE, LENGTH % 100, HEAD][number % 3])
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize("begun", [b"G", LIVE[:-2], b"\r\n", LIVE + b"G"])
def test_headers_that_never_end_are_answered_408(service: Service, begun: bytes) -> None:
    before = refused(service, "request-too-slow")
    with connect(service) as connection:
        connection.sendall(begun)
        answer = rest(connection)
    assert b"HTTP/1.1 408 " in answer
    assert b"urn:mlplatform:problem:request-too-slow" in answer
    assert refused(service, "request-too-slow") == before + 1


def test_neither_headers_nor_a_body_gain_time_by_dripping(service: Service) -> None:
    for beginning in (b"GET / HTTP/1.1\r\nX: ", LENGTH % 1_000, CHUNKED):
        with connect(service) as connection:
            connection.sendall(beginning)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(200):
                    connection.sendall(b"1\r\n \r\n" if beginning is CHUNKED else b"y")
                    time.sleep(0.02)
            assert status(rest(connection)) == 408


def test_a_body_that_never_comes_is_answered_408_and_gives_its_place_back(service: Service) -> None:
    for beginning in (LENGTH % 100, LENGTH % 100 + b'{"half":', CHUNKED, CHUNKED + b"5\r\n{"):
        with connect(service) as connection:
            connection.sendall(beginning)
            answer = rest(connection)
        assert status(answer) == 408
        assert b"\r\nconnection: close\r\n" in answer
        assert b"urn:mlplatform:problem:request-too-slow" in answer
    metrics = service.metrics()
    assert metrics["api_requests_in_flight"] == 1
    assert metrics['api_requests_total{endpoint="/predict",method="POST",status="408"}'] >= 4


def test_the_rest_of_a_body_that_was_refused_is_not_awaited_for_ever(service: Service) -> None:
    with connect(service) as connection:
        connection.sendall(LENGTH % 99_999_999 + b" " * 10)
        assert status(rest(connection)) == 413


def test_the_rest_of_a_body_that_was_refused_may_come_and_then_the_next_request(service: Service) -> None:
    with connect(service) as connection:
        connection.sendall(LENGTH % (LIMIT + 1) + b" ")
        assert status(one_answer(connection)) == 413
        connection.sendall(b" " * LIMIT + LIVE)
        assert status(one_answer(connection)) == 200


def test_a_slow_request_is_answered_as_long_as_it_is_in_time(start_service: Start, flowers: Path) -> None:
    patient = start_service(flowers, REQUEST_SECONDS=60, KEEP_ALIVE_SECONDS=1)
    with connect(patient) as connection:
        for byte in post(BODY)[:60]:
            connection.sendall(bytes([byte]))
            time.sleep(0.025)
        connection.sendall(post(BODY)[60:])
        assert status(one_answer(connection)) == 200


def test_a_connection_on_which_nothing_is_asked_is_closed_in_silence(start_service: Start, flowers: Path) -> None:
    impatient = start_service(flowers, KEEP_ALIVE_SECONDS=1)
    with connect(impatient) as connection:
        assert rest(connection) == b""


def test_a_client_that_offers_another_protocol_keeps_its_connection(service: Service) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n"
    with connect(service) as connection:
        for _ in range(3):
            connection.sendall(LIVE.replace(b"Host: x\r\n", b"Host: x\r\n" + offer))
            assert status(one_answer(connection)) == 200
    answers = exchange(service, (LIVE + LIVE).replace(b"Host: x\r\n", b"Host: x\r\n" + offer))
    assert answers.count(b"HTTP/1.1 200 ") == 2
    assert b"without that header" in exchange(service, post(BODY).replace(b"Host: x\r\n", b"Host: x\r\n" + offer))


def test_a_client_that_has_said_all_still_gets_its_answers(service: Service) -> None:
    answers = exchange(service, LIVE + LIVE + post(BODY))
    assert answers.count(b"HTTP/1.1 200 ") == 3
    assert exchange(service, LENGTH % 100) == b""  # what is not whole never will be


def test_as_many_pipelined_requests_as_may_wait_are_answered_and_no_more(service: Service) -> None:
    answers = exchange(service, LIVE * MAX_PIPELINED)
    assert answers.count(b"HTTP/1.1 200 ") == MAX_PIPELINED
    before = refused(service, "malformed-request")
    assert b"requests wait for their turn" in exchange(service, LIVE * 5_000)
    assert refused(service, "malformed-request") == before + 1


def test_who_does_not_read_his_answers_is_disconnected(service: Service) -> None:
    time.sleep(LINGER_SECONDS + 1)  # until the connections of other tests are gone
    opened = descriptors(service)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(service.address)
        with contextlib.suppress(OSError):
            for _ in range(40):  # more than the kernel holds
                connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * (MAX_PIPELINED // 2))
                time.sleep(0.05)
        eventually(lambda: descriptors(service) == opened)
    assert service.metrics()["api_requests_in_flight"] == 1


def test_connections_beyond_the_limit_are_told_so_and_closed(service: Service) -> None:
    eventually(lambda: service.metrics()["api_requests_in_flight"] == 1)
    before = refused(service, "too-many-connections")
    with contextlib.ExitStack() as held:
        for _ in range(CONNECTIONS):
            connection = held.enter_context(connect(service))
            connection.sendall(LIVE)
            assert status(one_answer(connection)) == 200
        for _ in range(5):
            with connect(service) as beyond:
                answer = rest(beyond)
            assert status(answer) == 503
            assert b"\r\nretry-after: 1\r\n" in answer
    eventually(lambda: status(exchange(service, post(BODY))) == 200)
    assert refused(service, "too-many-connections") == before + 5
