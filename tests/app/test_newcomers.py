"""Clients who connect while others keep the service busy are served like these, not after all of their requests."""

from __future__ import annotations

import json
import selectors
import socket
import time
from pathlib import Path

from tests.app.models import FLOWER
from tests.app.service import Service, Start, eventually

CLIENTS = 100
FAIR = 25
"""The most answers that a client may have had before every other has its first. One connection a turn makes it 50."""
BODY = json.dumps({"instances": [FLOWER] * 500}).encode()
REQUEST = b"POST /predict/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (
    len(BODY)
) + BODY  # fmt: skip


def whole(answer: bytes) -> bool:
    """Whether an answer has come to its end."""
    head, end, body = answer.partition(b"\r\n\r\n")
    return bool(end) and len(body) == int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


def answers_until_all_had_one(service: Service) -> list[int]:
    """How many answers each of `CLIENTS` clients had, who connect together and ask without a pause."""
    connections = [socket.create_connection(service.address) for _ in range(CLIENTS)]
    answers = [0] * CLIENTS
    received = [b""] * CLIENTS
    deadline = time.monotonic() + 60
    with selectors.DefaultSelector() as ready:
        for index, connection in enumerate(connections):
            connection.sendall(REQUEST)
            ready.register(connection, selectors.EVENT_READ, index)
        while 0 in answers:
            assert time.monotonic() < deadline
            for key, _ in ready.select(1):
                index = key.data
                received[index] += connections[index].recv(1 << 20)
                if whole(received[index]):
                    assert received[index].startswith(b"HTTP/1.1 200 ")
                    answers[index] += 1
                    received[index] = b""
                    connections[index].sendall(REQUEST)
    for connection in connections:
        connection.close()
    return answers


def test_newcomers_do_not_wait_for_those_who_ask_without_a_pause(start_service: Start, flowers: Path) -> None:
    answers = answers_until_all_had_one(start_service(flowers))
    assert max(answers) <= FAIR


def test_what_was_taken_at_the_end_is_served(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers)
    connections = [socket.create_connection(service.address) for _ in range(CLIENTS)]
    for connection in connections:
        connection.sendall(REQUEST)
    eventually(lambda: service.metrics()["api_requests_in_flight"] >= 1)
    assert service.stop() == 0
    for connection in connections:
        answer = b"".join(iter(lambda connection=connection: connection.recv(1 << 20), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        connection.close()
