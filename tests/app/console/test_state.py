"""The page beside a service that starts, drains, goes and comes back as another."""

from __future__ import annotations

import signal
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import expect

from app.artifact import MANIFEST, MODEL, encode, load, resolve, version_of
from tests.app.console.visit import Visitor
from tests.app.service import Service, Start, free_port

pytestmark = pytest.mark.browser
GONE = "net::ERR_"


def test_what_serves_is_told(visit: Visitor, iris_service: Service) -> None:
    page = visit(iris_service).page
    expect(page).to_have_title("iris · model console")
    expect(page.get_by_role("heading", level=1)).to_have_text("iris")
    expect(page.locator("#model-summary")).to_have_text("random forest · classification of species")
    expect(page.locator("#state")).to_have_text("Ready release iris-7", use_inner_text=True)
    manifest = iris_service.client.get("/model").json()
    created = iris_service.client.get("/health").json()["model_created"]
    facts = page.locator("#facts")
    for told in (manifest["version"], "random forest", "150 rows of scikit-learn iris", "iris-7"):
        expect(facts).to_contain_text(told)
    expect(facts.locator("time")).to_have_attribute("datetime", created)
    expect(page.locator("#scores div")).to_have_count(len(manifest["metrics"]))
    expect(page.locator("#features tr")).to_have_count(4)
    expect(page.locator("#features tr").first).to_have_text("sepal_lengthnumber4.3 to 7.9")


def test_the_report_opens_and_its_styles_and_drawings_work(visit: Visitor, iris_service: Service) -> None:
    page = visit(iris_service).page
    page.get_by_role("link", name="Open the training report").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("iris")
    expect(page.locator("svg").first).to_be_visible()
    cell = page.locator(".confusion td").first
    share, background = cell.evaluate(
        "cell => [getComputedStyle(cell).getPropertyValue('--share'), getComputedStyle(cell).backgroundColor]"
    )
    assert float(share) > 0
    assert background not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")


def test_without_a_report_the_page_says_so(visit: Visitor, flower_service: Service) -> None:
    page = visit(flower_service).page
    expect(page.locator("#report")).to_have_text("This artifact holds no training report.")
    expect(page.get_by_role("link", name="Open the training report")).to_have_count(0)


def test_the_page_works_below_a_prefix_that_a_proxy_strips(visit: Visitor, iris_service: Service) -> None:
    one = visit(iris_service)
    one.page.route(
        "**/models/iris/**", lambda route: route.continue_(url=route.request.url.replace("/models/iris", ""))
    )
    before = len(one.requests)
    one.page.goto(f"{iris_service.url}/models/iris/")
    expect(one.page.locator("#state")).to_contain_text("Ready")
    assert one.sent()
    expect(one.page.locator("#prediction")).to_have_text("setosa")
    with one.page.expect_request("**/metrics"):
        pass
    one.page.get_by_role("link", name="Open the training report").click()
    expect(one.page.get_by_role("heading", level=1)).to_have_text("iris")
    assert [url for url in one.requests[before:] if not url.startswith(f"{iris_service.url}/models/iris/")] == []


def test_the_state_falls_when_the_service_drains_and_when_it_is_gone(
    visit: Visitor, start_service: Start, flowers: Path
) -> None:
    service = start_service(flowers, DRAIN_SECONDS=6)
    one = visit(service)
    one.tolerated += ["status of 503", GONE]
    state = one.page.locator("#state")
    expect(state).to_contain_text("Ready")
    service.process.send_signal(signal.SIGTERM)
    expect(state).to_have_text("Not ready the server is shutting down", use_inner_text=True)
    assert one.sent()  # predictions are still answered
    expect(one.page.locator("#prediction")).to_have_text("setosa")
    expect(state).to_have_text("No answer asking again", use_inner_text=True)
    assert service.process.wait(timeout=30) == 0
    one.page.get_by_role("button", name="Predict").click()
    expect(one.page.locator("#problem")).to_have_text("No answer")
    expect(one.page.locator("#announcement")).to_have_text("No answer: the service does not answer.")


def test_the_page_survives_a_restart_and_becomes_that_of_another_model(
    visit: Visitor, start_service: Start, flowers: Path, loans: Path
) -> None:
    port = free_port()
    service = start_service(flowers, PORT=port, RELEASE="one")
    one = visit(service)
    one.tolerated.append(GONE)
    page = one.page
    service.client.post("/predict", json={})
    expect(page.locator("#errors .keys dd").first).to_have_text("1")
    assert service.stop() == 0
    expect(page.locator("#state")).to_contain_text("No answer")
    again = start_service(loans, PORT=port, RELEASE="two")
    expect(page.locator("#state")).to_have_text("Ready release two", use_inner_text=True)
    expect(page.get_by_role("heading", level=1)).to_have_text("loans")
    expect(page.locator("#facts")).to_contain_text(resolve(loans).name)
    assert one.sent()["region"] == "east"
    expect(page.locator("#prediction")).to_have_text("true")
    with page.expect_response("**/metrics"):  # from here on the new process is known
        pass
    for _ in range(3):
        again.client.post("/predict", json={})
    expect(page.locator("#errors .keys dd").first).to_have_text("4")
    expect(page.locator("#mix .class")).to_have_text(["false", "true"])


@pytest.fixture
def flowers_of_another_version(flowers: Path, tmp_path: Path) -> Path:
    """The same model from another training."""
    found = load(flowers)
    manifest = msgspec.structs.replace(found.manifest, settings={"seed": 2})
    manifest = msgspec.structs.replace(manifest, version=version_of(manifest))
    directory = tmp_path / manifest.version
    directory.mkdir()
    (directory / MODEL).write_bytes(found.read(MODEL))
    (directory / MANIFEST).write_bytes(encode(manifest))
    return directory


def test_what_was_typed_stays_when_a_model_with_the_same_features_takes_over(
    visit: Visitor, start_service: Start, flowers: Path, flowers_of_another_version: Path
) -> None:
    port = free_port()
    service = start_service(flowers, PORT=port)
    one = visit(service)
    one.tolerated.append(GONE)
    one.page.get_by_label("petal length (cm)").fill("4.25")
    assert service.stop() == 0
    start_service(flowers_of_another_version, PORT=port)
    expect(one.page.locator("#facts")).to_contain_text(resolve(flowers_of_another_version).name)
    assert one.sent()["petal length (cm)"] == 4.25
