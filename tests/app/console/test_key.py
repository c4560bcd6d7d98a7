"""The console of a service that asks for API keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from app.keys import make
from tests.app.console.visit import Visit, Visitor
from tests.app.service import Service, Start

pytestmark = pytest.mark.browser
KEY, DIGEST = make()


@pytest.fixture(scope="module")
def guarded(start_service: Start, iris: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    file = tmp_path_factory.mktemp("secrets") / "keys"
    file.write_text(f"people {DIGEST}\n")
    return start_service(iris, API_KEYS_FILE=file, ACCESS_LOG_SAMPLE=1)


def locked(visit: Visitor, service: Service) -> Visit:
    """A visit that ends at the question for a key."""
    one = visit(service, locked=True)
    one.tolerated.append("status of 401")
    expect(one.page.get_by_label("API key")).to_be_focused()
    return one


def enter(one: Visit, key: str) -> None:
    one.page.get_by_label("API key").fill(key)
    one.page.get_by_role("button", name="Use this key").click()


def test_a_key_opens_the_page_and_stays_for_the_tab(visit: Visitor, guarded: Service) -> None:
    one = locked(visit, guarded)
    expect(one.page.locator("#key-reason")).to_contain_text("send an API key")
    enter(one, f" {KEY} ")
    expect(one.page.get_by_role("button", name="Predict")).to_be_enabled()
    expect(one.page.get_by_label("API key")).to_be_hidden()
    assert one.sent()
    expect(one.page.locator("#prediction")).to_have_text("setosa")
    expect(one.page.locator("#traffic .keys dd").first).not_to_have_text("\N{EN DASH}")
    one.page.reload()
    expect(one.page.get_by_role("heading", level=1)).to_have_text("iris")
    expect(one.page.get_by_label("API key")).to_be_hidden()
    expect(one.page.locator("#report")).to_contain_text("with the key")
    expect(one.page.get_by_role("link", name="API documentation")).to_be_hidden()
    assert KEY not in one.page.content()
    assert not [url for url in one.requests if KEY in url]
    assert KEY not in guarded.log.read_text()


def test_a_key_that_is_not_known_is_asked_for_again(visit: Visitor, guarded: Service) -> None:
    one = locked(visit, guarded)
    enter(one, "mlp_wrong")
    expect(one.page.locator("#key-reason")).to_have_text("The service says: the API key is not known.")
    expect(one.page.get_by_label("API key")).to_be_focused()
    enter(one, KEY)
    expect(one.page.get_by_role("button", name="Predict")).to_be_enabled()


def test_without_a_key_nothing_is_asked_in_vain(visit: Visitor, guarded: Service) -> None:
    one = locked(visit, guarded)
    for _ in range(2):
        with one.page.expect_response("**/health"):
            pass
    closed = [url for url in one.requests if url.endswith(("/model", "/metrics"))]
    assert len(closed) <= 2  # the two that began together
