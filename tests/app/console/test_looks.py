"""For everybody: no barrier that axe-core knows, in light and dark, on a phone, by keyboard, without motion."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.app.console.visit import Visit, Visitor
from tests.app.service import Service

pytestmark = pytest.mark.browser
SERVICES = ["iris_service", "trained_service", "diabetes_service"]
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
}


def barriers(page: Page) -> list[str]:
    """What axe-core finds, each as the rule and the elements it is about."""
    found: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    return [f"{each['id']}: {[node['html'][:120] for node in each['nodes']]}" for each in found]


def fill_with_errors(one: Visit) -> None:
    """Bring the page into the state with the most to read."""
    one.tolerated.append("status of 422")
    one.page.locator("#fields input:not([type]):enabled").first.fill("x")
    one.sent()
    expect(one.page.locator("#problem")).to_be_visible()


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Service:
    """The service of the fixture that the test is parametrized with."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("service", SERVICES, indirect=True)
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_no_state_of_the_page_has_a_barrier(
    visit: Visitor, service: Service, scheme: Literal["light", "dark"], width: int
) -> None:
    one = visit(service, color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": 740})
    one.page.get_by_text("The latest figures as a table").click()
    service.client.post("/predict", json={})
    expect(one.page.locator("#errors .keys dd").first).not_to_have_text("0")
    assert barriers(one.page) == []
    one.sent()
    expect(one.page.locator("#prediction")).to_be_visible()
    assert barriers(one.page) == []
    fill_with_errors(one)
    assert barriers(one.page) == []
    assert one.page.evaluate("document.documentElement.scrollWidth") == width


def test_axe_sees_what_is_wrong(visit: Visitor, iris_service: Service) -> None:
    page = visit(iris_service).page
    page.evaluate("document.querySelector('label[for=feature-0]').remove()")
    page.evaluate("document.getElementById('form-summary').style.color = '#bbbbbb'")
    assert {found.partition(":")[0] for found in barriers(page)} >= {"label", "color-contrast"}


def test_light_and_dark_are_what_the_system_asks_for(visit: Visitor, iris_service: Service) -> None:
    pages = {scheme: visit(iris_service, color_scheme=scheme).page for scheme in ("light", "dark")}
    light, dark = (page.evaluate("getComputedStyle(document.body).backgroundColor") for page in pages.values())
    assert light == "rgb(245, 246, 248)"
    assert dark == "rgb(18, 21, 26)"


def test_whatever_has_the_focus_shows_it(visit: Visitor, trained_service: Service) -> None:
    page = visit(trained_service).page
    seen: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name, outlined = page.evaluate(
            """() => {
              const focused = document.activeElement;
              if (focused === document.body) return ["", true]; // beyond the last
              const name = focused.id || focused.getAttribute("aria-label") || focused.textContent.trim();
              const styles = [focused, focused.closest("label")].filter(Boolean).map((node) => getComputedStyle(node));
              const wide = ({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
              return [name, styles.some(wide)];
            }"""
        )
        if not name:
            break
        assert outlined, name
        seen.append(name)
    assert {"feature-0", "feature-0-missing", "feature-2", "feature-4-true", "predict", "example", "Metrics"} <= {*seen}


@pytest.mark.parametrize(("motion", "seconds"), [("reduce", "0s"), ("no-preference", "0.25s")])
def test_bars_grow_only_where_motion_is_welcome(
    visit: Visitor, iris_service: Service, motion: Literal["reduce", "no-preference"], seconds: str
) -> None:
    one = visit(iris_service, reduced_motion=motion)
    one.sent()
    fill = one.page.locator(".probabilities .fill").first
    assert fill.evaluate("fill => getComputedStyle(fill).transitionDuration") == seconds
