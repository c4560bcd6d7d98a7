"""The far end of a webhook: what was sent there, and when it came."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast


@dataclass(frozen=True)
class Notice:
    """One alert within a notification, as the receiver of a webhook reads it."""

    at: float
    status: str
    labels: dict[str, str]
    annotations: dict[str, str]


class Inbox(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1 and keeps what comes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/alerts"
        self._notices: list[Notice] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take(self, notification: dict[str, Any]) -> None:
        """Keep the alerts of one notification."""
        now = time.monotonic()
        self._notices += [
            Notice(now, alert["status"], alert["labels"], alert["annotations"]) for alert in notification["alerts"]
        ]

    def notices(self, service: str, alert: str | None = None, status: str = "firing") -> list[Notice]:
        """What has come about ``service``, in order."""
        return [
            notice
            for notice in list(self._notices)
            if notice.labels["service"] == service
            and notice.status == status
            and alert in (None, notice.labels["alertname"])
        ]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        cast(Inbox, self.server).take(json.loads(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
