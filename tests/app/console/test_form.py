"""The form in a real browser: made from the model's features, used by mouse and by keyboard, honest about errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.app import models
from tests.app.console.visit import Visitor
from tests.app.service import Service, Start

pytestmark = pytest.mark.browser
REFUSED = "status of 422"


def answer_to(service: Service, instance: dict[str, Any]) -> dict[str, Any]:
    """What the service itself answers."""
    return service.client.post("/predict", json=instance).json()


def shown_errors(page: Page) -> dict[str, str]:
    """The errors at the fields, by the id of the field's control."""
    errors = page.locator(".error:visible")
    return {(each.get_attribute("id") or "").removesuffix("-error"): each.inner_text() for each in errors.all()}


def test_the_example_is_predicted_by_a_click(visit: Visitor, iris_service: Service) -> None:
    one = visit(iris_service)
    example = iris_service.client.get("/model").json()["example"]
    assert one.sent() == example["instance"]
    expect(one.page.locator("#prediction")).to_have_text(example["prediction"])
    expect(one.page.get_by_role("list", name="Probabilities").get_by_role("listitem")).to_have_count(3)
    expect(one.page.locator(".probabilities .first")).to_contain_text("100\u00a0%")
    version = iris_service.client.get("/health").json()["model_version"]
    expect(one.page.locator("#answer .meta")).to_contain_text(version)
    expect(one.page.locator("#answer .meta")).to_contain_text("Round trip")
    expect(one.page.locator("#announcement")).to_contain_text(f"Predicted species: {example['prediction']}")


def test_probabilities_are_bars_as_long_as_they_are_large(visit: Visitor, trained_service: Service) -> None:
    one = visit(trained_service)
    shares = sorted(answer_to(trained_service, one.sent())["probabilities"].values(), reverse=True)
    expect(one.page.locator("#prediction")).to_be_visible()
    script = (
        "bars => bars.map(bar => new DOMMatrix(getComputedStyle(bar.firstChild).transform).e / bar.clientWidth + 1)"
    )
    one.page.wait_for_timeout(400)  # they grow
    drawn = one.page.locator(".probabilities .bar").evaluate_all(script)
    assert drawn == pytest.approx(shares, abs=0.01)


def test_another_row_is_entered_and_predicted_by_keyboard_alone(visit: Visitor, iris_service: Service) -> None:
    one = visit(iris_service)
    keyboard = one.page.keyboard
    keyboard.press("Tab")
    expect(one.page.get_by_role("link", name="Skip to the form")).to_be_focused()
    keyboard.press("Enter")
    for value in ("6.9", "3.1", "5.4", "2.1"):
        keyboard.press("Tab")
        keyboard.press("ControlOrMeta+a")
        keyboard.type(value)
    keyboard.press("Tab")
    expect(one.page.get_by_role("button", name="Predict")).to_be_focused()
    with one.page.expect_request("**/predict") as request:
        keyboard.press("Enter")
    row = {"sepal_length": 6.9, "sepal_width": 3.1, "petal_length": 5.4, "petal_width": 2.1}
    assert request.value.post_data_json == row
    expect(one.page.locator("#prediction")).to_have_text(answer_to(iris_service, row)["prediction"])
    expect(one.page.locator("#prediction")).to_have_text("virginica")


def test_every_kind_of_feature_can_be_given_and_be_missing(visit: Visitor, loan_service: Service) -> None:
    one = visit(loan_service)
    page = one.page
    assert one.sent() == {**models.LOAN, "employment": None, "guarantor": None}
    page.get_by_label("age").fill("29")
    page.get_by_label("region").select_option("süd")
    page.get_by_label("missing: income").check()
    expect(page.get_by_label("income", exact=True)).to_be_disabled()
    page.get_by_label("employment").select_option("employed")
    page.get_by_role("group", name="owns_home").get_by_label("false").check()
    page.get_by_role("group", name="guarantor").get_by_label("true").check()
    row = {"age": 29, "region": "süd", "income": None, "owns_home": False, "employment": "employed", "guarantor": True}
    assert one.sent() == row
    expect(page.locator("#prediction")).to_have_text(str(answer_to(loan_service, row)["prediction"]).lower())
    page.get_by_label("missing: income").uncheck()
    page.get_by_label("employment").select_option("missing")
    page.get_by_role("group", name="guarantor").get_by_label("missing").check()
    assert one.sent() == row | {"income": 52000.5, "employment": None, "guarantor": None}


def test_choices_are_made_with_the_arrow_keys(visit: Visitor, trained_service: Service) -> None:
    one = visit(trained_service)
    one.page.get_by_role("radio", name="true").focus()
    one.page.keyboard.press("ArrowRight")
    one.page.get_by_label("employment").focus()
    one.page.keyboard.type("stu")
    sent = one.sent()
    assert (sent["owns_home"], sent["employment"]) == (False, "student")


def test_a_regression_is_predicted_as_a_number(visit: Visitor, diabetes_service: Service) -> None:
    one = visit(diabetes_service)
    value = answer_to(diabetes_service, one.sent())["prediction"]
    expect(one.page.locator("#prediction")).to_have_text(f"{value:,.4f}".rstrip("0"))
    expect(one.page.locator(".probabilities")).to_have_count(0)


def test_bad_values_are_told_at_their_fields_and_the_first_gets_the_focus(
    visit: Visitor, iris_service: Service
) -> None:
    one = visit(iris_service)
    one.tolerated.append(REFUSED)
    one.page.get_by_label("sepal_width").fill("wide")
    one.page.get_by_label("petal_length").fill("1e39")
    one.page.get_by_label("petal_width").fill("")
    assert one.sent() == {"sepal_length": 4.4, "sepal_width": "wide", "petal_length": 1e39}
    expect(one.page.locator("#problem")).to_have_text("The input does not fit the model")
    assert shown_errors(one.page) == {
        "feature-1": "Is a string, not a number: send a number within ±3.403e+38.",
        "feature-2": "Is out of range: send a number within ±3.403e+38.",
        "feature-3": "Is missing: send a number within ±3.403e+38.",
    }
    wrong = one.page.get_by_label("sepal_width")
    expect(wrong).to_be_focused()
    expect(wrong).to_have_attribute("aria-invalid", "true")
    expect(wrong).to_have_accessible_description(
        "2 to 4.4 in training Is a string, not a number: send a number within ±3.403e+38."
    )
    expect(one.page.locator("#announcement")).to_have_text("The input does not fit the model: 3 values cannot be used.")
    one.page.get_by_role("link", name="petal_width").click()
    expect(one.page.get_by_label("petal_width")).to_be_focused()


def test_what_was_mended_is_no_longer_marked(visit: Visitor, iris_service: Service) -> None:
    one = visit(iris_service)
    one.tolerated.append(REFUSED)
    one.page.get_by_label("sepal_width").fill("wide")
    one.sent()
    expect(one.page.locator(".error:visible")).to_have_count(1)
    one.page.get_by_label("sepal_width").fill("3")
    one.sent()
    expect(one.page.locator("#prediction")).to_be_visible()
    expect(one.page.locator(".error:visible, [aria-invalid]")).to_have_count(0)
    one.page.get_by_label("sepal_width").fill("wide again")
    one.page.get_by_role("button", name="Fill in the example").click()
    example = iris_service.client.get("/model").json()["example"]["instance"]
    expect(one.page.get_by_label("sepal_width")).to_have_value(str(example["sepal_width"]))


def test_a_failure_of_the_service_shows_the_id_that_finds_its_cause(visit: Visitor, fragile_service: Service) -> None:
    one = visit(fragile_service)
    one.tolerated.append("status of 500")
    one.page.get_by_label("shelf").fill("99")
    one.sent()
    expect(one.page.locator("#problem")).to_have_text("Internal error")
    shown = one.page.locator("#answer .meta").inner_text().split()
    logged = [line.get("error_id") for line in fragile_service.log_lines() if line["logger"] == "app.errors"]
    assert shown[-1] == logged[-1]


@pytest.fixture(scope="module")
def odd_service(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A regression whose names mean something to browsers, to pointers or to JavaScript."""
    towns = [f"town {number}" for number in range(40)]
    features = [
        models.number("__proto__"),
        models.number("a/b~c"),
        models.number("<b>bold</b>", nullable=True),
        models.number("long" * 30),
        models.category("constructor", *towns, nullable=True),
    ]
    graph = models.Graph()
    graph.add(
        "MatMul",
        graph.add("Where", graph.add("IsNaN", "numbers"), graph.constant(0.0), "numbers"),
        graph.constant(np.ones(4)),
        output="numeric",
    )
    first = graph.add("Cast", graph.add("Equal", "texts", graph.constant([["town 7"]], object)), to=11)
    graph.add("Add", "numeric", graph.add("Squeeze", first, graph.constant([1], np.int64)), output="prediction")
    artifact = models.write_artifact(
        tmp_path_factory.mktemp("odd"),
        name="<i>odd</i>",
        features=features,
        classes=[],
        instance={"__proto__": 1, "a/b~c": 2, "long" * 30: 3, "constructor": "town 7"},
        model=graph.serialize(features, classes=0),
    )
    return start_service(artifact)


def test_names_are_text_and_never_markup_or_code(visit: Visitor, odd_service: Service) -> None:
    one = visit(odd_service, viewport={"width": 360, "height": 740})
    expect(one.page.get_by_role("heading", level=1)).to_have_text("<i>odd</i>")
    assert one.page.locator("main b, main i").count() == 0
    row = {"__proto__": 1, "a/b~c": 2, "<b>bold</b>": None, "long" * 30: 3, "constructor": "town 7"}
    assert one.sent() == row
    expect(one.page.locator("#prediction")).to_have_text("7")
    assert one.page.evaluate("document.documentElement.scrollWidth") == 360


def test_errors_find_their_fields_whatever_these_are_called(visit: Visitor, odd_service: Service) -> None:
    one = visit(odd_service)
    one.tolerated.append(REFUSED)
    for name in ("<b>bold</b>", "constructor"):
        one.page.get_by_label(f"missing: {name}").set_checked(False)
    for name in ("__proto__", "a/b~c", "<b>bold</b>", "long" * 30, "constructor"):
        one.page.get_by_label(name, exact=True).fill("x")
    one.sent()
    expect(one.page.locator("#problem")).to_be_visible()
    assert [*shown_errors(one.page)] == [f"feature-{place}" for place in range(5)]


def test_categories_that_are_many_are_offered_while_typing(visit: Visitor, odd_service: Service) -> None:
    one = visit(odd_service)
    town = one.page.get_by_label("constructor", exact=True)
    options = town.evaluate("input => [...input.list.options].map(option => option.value)")
    assert options == [f"town {number}" for number in range(40)]
    town.fill("town 12")
    assert one.sent()["constructor"] == "town 12"
    expect(one.page.locator("#prediction")).to_have_text("6")
