"""A real browser at the console of a real server, and what no page of it may ever do."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.app.console.visit import Visit, Visitor
from tests.app.service import Service, Start
from tests.app.trained import train_diabetes, train_iris

# No name resolves but this machine's: whatever the page needed from elsewhere, it would not get.
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
]
PATIENCE = 15_000  # milliseconds


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. A module long, since no test may use asyncio in this thread meanwhile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visitor]:
    """Open the console of a service; in the end no page may have complained or asked anybody else."""
    visits: list[tuple[Visit, Service]] = []
    expect.set_options(timeout=PATIENCE)

    def open_page(service: Service, *, locked: bool = False, **options: Any) -> Visit:
        settings: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}} | options
        one = Visit(browser.new_context(**settings).new_page())
        visits.append((one, service))
        one.page.set_default_timeout(PATIENCE)
        one.page.goto(f"{service.url}/")
        expect(one.page.get_by_role("button", name="Predict")).to_be_enabled(enabled=not locked)
        return one

    yield open_page
    for one, service in visits:
        one.page.context.close()
        assert [url for url in one.requests if not url.startswith(f"{service.url}/")] == []
        untold = [text for text in one.complaints if not any(re.search(known, text) for known in one.tolerated)]
        assert untold == []


@pytest.fixture(scope="session")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained iris model of ``make run``, with its report."""
    return train_iris(tmp_path_factory.mktemp("iris"))


@pytest.fixture(scope="session")
def iris_service(start_service: Start, iris: Path) -> Service:
    """A server of it."""
    return start_service(iris, RELEASE="iris-7")


@pytest.fixture(scope="session")
def diabetes_service(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A server of a trained regression."""
    return start_service(train_diabetes(tmp_path_factory.mktemp("diabetes")))
