"""A visit of the console by a real browser."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from playwright.sync_api import ConsoleMessage, Page, Request


@dataclasses.dataclass
class Visit:
    """A page of the console with what it asked for and what the browser complained of.

    ``tolerated`` are patterns of the complaints that a test provokes.
    """

    page: Page
    requests: list[str] = dataclasses.field(default_factory=list[str])
    complaints: list[str] = dataclasses.field(default_factory=list[str])
    tolerated: list[str] = dataclasses.field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.page.on("request", self._note_request)
        self.page.on("console", self._note_message)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sent(self) -> Any:
        """Choose Predict and return what the page sends."""
        with self.page.expect_request("**/predict") as request:
            self.page.get_by_role("button", name="Predict").click()
        return request.value.post_data_json

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


Visitor = Callable[..., Visit]
"""Opens the console of a service; keywords are options of the browser's context, such as ``color_scheme``.

``locked`` expects a page that cannot ask the model yet.
"""
