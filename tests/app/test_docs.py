"""The documentation page: Swagger UI that asks nobody but its own service."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.app.service import Service

PATHS = ["/docs", "/docs/docs.js", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"]


@pytest.mark.parametrize("path", PATHS)
def test_every_file_is_served_from_here_and_may_load_from_nowhere_else(flower_service: Service, path: str) -> None:
    answer = flower_service.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert flower_service.client.get(path, headers={"if-none-match": answer.headers["etag"]}).status_code == 304


def test_the_page_names_addresses_below_it_only(flower_service: Service) -> None:
    page = flower_service.client.get("/docs").text
    named = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert len(named) == 4
    for name in named:
        assert "//" not in name
        assert flower_service.client.get(f"/{name}").status_code == 200


def test_its_files_share_one_label(flower_service: Service) -> None:
    for path in PATHS:
        flower_service.client.get(path)
    labels = {name for name in flower_service.metrics() if 'api_requests_total{endpoint="/docs' in name}
    assert {re.sub(r",method.*", "", name) for name in labels} == {'api_requests_total{endpoint="/docs"'}


@pytest.mark.browser
def test_it_shows_every_operation_and_tries_one_without_the_internet(flower_service: Service) -> None:
    from playwright.sync_api import expect, sync_playwright

    from tests.app.console.conftest import FLAGS, PATIENCE

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page()
        asked: list[str] = []
        complaints: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{flower_service.url}/docs")
        expect.set_options(timeout=PATIENCE)
        paths = flower_service.client.get("/openapi.json").json()["paths"]
        expect(page.locator(".opblock")).to_have_count(sum(len(operations) for operations in paths.values()))
        health = page.locator(".opblock", has=page.locator('[data-path="/health"]'))
        health.locator(".opblock-summary").click()
        health.get_by_role("button", name="Try it out").click()
        health.get_by_role("button", name="Execute").click()
        expect(health.locator(".live-responses-table")).to_contain_text("flowers-1")
        browser.close()
    assert [url for url in asked if not url.startswith((f"{flower_service.url}/", "data:"))] == []
    assert complaints == []
