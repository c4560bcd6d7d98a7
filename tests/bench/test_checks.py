"""Servers whose answers are wrong are found before they are timed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bench.checks import WrongAnswers, check
from bench.formats import LISTED
from tests.bench.models import small

Answer = Callable[[list[list[float]]], tuple[int, dict[str, Any]]]


@contextmanager
def serving(answer: Answer) -> Generator[int]:
    """A server that answers what ``answer`` makes of the instances; its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, content = answer(body["instances"])
            encoded = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def right(rows: list[list[float]]) -> tuple[int, dict[str, Any]]:
    """The labels of the small model's rows."""
    known = {tuple(row): label for row, label in zip(small().rows.tolist(), small().labels.tolist(), strict=True)}
    return 200, {"predictions": [known[tuple(row)] for row in rows]}


def test_a_server_that_is_right_has_every_row_compared_in_batches_and_some_alone() -> None:
    with serving(right) as port:
        assert check(port, LISTED, small(), (1, 2)) == 1 + 4


def test_one_wrong_label_is_enough() -> None:
    def wrong(rows: list[list[float]]) -> tuple[int, dict[str, Any]]:
        status, content = right(rows)
        return status, {
            "predictions": [
                0 if row == [5.0, 6.0] else label for row, label in zip(rows, content["predictions"], strict=True)
            ]
        }

    with (
        serving(wrong) as port,
        pytest.raises(WrongAnswers, match="1 labels differ from scikit-learn's in rows 2 to 3"),
    ):
        check(port, LISTED, small(), (2,))


def test_a_label_that_is_missing_is_wrong() -> None:
    with (
        serving(lambda rows: (200, {"predictions": right(rows)[1]["predictions"][:-1]})) as port,
        pytest.raises(WrongAnswers, match="missing labels"),
    ):
        check(port, LISTED, small(), (2,))


def test_a_format_that_is_refused_is_named_with_the_status() -> None:
    with serving(lambda _: (415, {"detail": "no"})) as port, pytest.raises(WrongAnswers, match=r"answered 415.*no"):
        check(port, LISTED, small(), (2,))


def test_a_server_that_is_gone_is_named() -> None:
    with serving(right) as port:
        pass
    with pytest.raises(WrongAnswers, match="the connection broke"):
        check(port, LISTED, small(), (2,))
