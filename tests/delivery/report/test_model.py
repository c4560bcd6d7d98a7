"""What the report says of a model that would replace another."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from app.artifact import Data, Distribution, Example, Feature, Gate, Manifest
from delivery.report.markdown import render
from delivery.report.model import LOWER_IS_BETTER, model_section
from training import evaluate

PASSED = Gate(passed=True, reasons=[], champion=None, champion_metrics={})


def feature(name: str, **fields: Any) -> Feature:
    """A number with three bins."""
    distribution = Distribution(edges=[1.0, 2.0], counts=[10, 10, 10])
    usual: dict[str, Any] = {"type": "number", "nullable": False, "minimum": 0.0, "maximum": 3.0}
    given: dict[str, Any] = {**usual, "name": name, "distribution": distribution, **fields}
    return Feature(**given)


def manifest(version: str = "a" * 16, **fields: Any) -> Manifest:
    """A classifier of two classes."""
    given: dict[str, Any] = {
        "format": 1, "name": "iris", "version": version, "task": "classification", "estimator": "random_forest",
        "target": "species", "classes": ["yes", "no"], "features": [feature("width")],
        "predictions": Distribution(edges=[], counts=[30, 10]), "example": Example({}, "yes", [1.0, 0.0]),
        "metrics": {"accuracy": 0.9, "log_loss": 0.3}, "data": Data("table", 40, "f"), "settings": {}, "libraries": {},
        "code": "c", "files": {}, **fields,
    }  # fmt: skip
    return Manifest(**given)


OLD = manifest()


def told(after: Manifest, gate: Gate | None = PASSED, before: Manifest | None = OLD) -> str:
    """The section as text."""
    return render([model_section(before, after, gate)])


def new(**fields: Any) -> Manifest:
    """Another version."""
    return manifest("b" * 16, **fields)


def test_the_gates_verdict_stands_first_with_its_reasons() -> None:
    failed = structs.replace(PASSED, passed=False, reasons=["accuracy 0.5 must be at least 0.9", "<b>"])
    assert told(new(), failed).splitlines()[2] == "**Gate: failed.** `accuracy 0.5 must be at least 0.9`; `<b>`"
    assert "**Gate: passed.**" in told(new())
    assert "**Gate: no verdict.**" in told(new(), None)


def test_metrics_are_compared_in_the_direction_that_is_better_for_each() -> None:
    text = told(new(metrics={"accuracy": 0.8, "log_loss": 0.2, "roc_auc": 0.7}))
    assert "| `accuracy` | 0.9000 | 0.8000 | -0.1000 **worse** |" in text
    assert "| `log_loss` | 0.3000 | 0.2000 | -0.1000 better |" in text
    assert "| `roc_auc` | — | 0.7000 | — |" in text
    assert "before, as recorded" in text
    assert LOWER_IS_BETTER == evaluate.LOWER_IS_BETTER, "one truth: training's"


def test_the_champion_measured_on_the_same_rows_counts_more_than_what_it_recorded() -> None:
    gate = structs.replace(PASSED, champion=OLD.version, champion_metrics={"accuracy": 0.7})
    text = told(new(metrics={"accuracy": 0.8}), gate)
    assert "| `accuracy` | 0.7000 | 0.8000 | +0.1000 better |" in text
    assert "before, same rows" in text
    other = structs.replace(gate, champion="c" * 16)
    assert "0.7000" not in told(new(metrics={"accuracy": 0.8}), other), (
        "another champion's metrics are not the old model's"
    )


def test_classes_are_compared_one_by_one() -> None:
    text = told(new(classes=["yes", "perhaps"], predictions=Distribution(edges=[], counts=[10, 30])))
    assert "| `yes` | 75.0% | 25.0% |" in text
    assert "| `perhaps` | — | 75.0% |" in text
    assert "| `no` | 25.0% | — |" in text


@pytest.mark.parametrize(
    ("features", "line"),
    [
        ([], "| `width` | **removed** | callers that send it are refused |"),
        ([feature("width"), feature("extra")], "| `extra` | **added** | **required of every caller** |"),
        ([feature("width"), feature("extra", nullable=True)], "| `extra` | **added** | may be left out |"),
        ([feature("width", type="boolean")], "| `width` | **number → boolean** | callers must send another type |"),
        ([feature("width", nullable=True)], "| `width` | nullable | null is accepted |"),
    ],
)
def test_what_callers_notice_of_the_schema_is_told(features: list[Feature], line: str) -> None:
    assert line in told(new(features=features))


def test_categories_that_go_and_come_are_told() -> None:
    def of(*names: str) -> Feature:
        return feature("kind", type="category", categories=list(names), minimum=None, maximum=None,
                       distribution=Distribution(edges=[], counts=[1] * len(names)))  # fmt: skip

    before = manifest(features=[of("a", "b")])
    text = told(new(features=[of("a", *"cdefghi")]), before=before)
    assert "| `kind` | **categories gone** | `b` |" in text
    assert "| `kind` | categories added | `c`, `d`, `e`, `f`, `g` and 2 more |" in text


def test_the_same_schema_and_data_without_drift_take_a_line_each() -> None:
    text = told(new())
    assert "The feature schema is the same." in text
    assert "none of note; the largest PSI is 0.000 (`width`)" in text


def test_drift_is_shown_the_largest_first() -> None:
    def moved(name: str, counts: list[int]) -> Feature:
        return feature(name, distribution=Distribution(edges=[1.0, 2.0], counts=counts))

    before = manifest(features=[feature("a"), feature("b"), feature("c")])
    text = told(new(features=[feature("a"), moved("b", [8, 7, 15]), moved("c", [1, 1, 28])]), before=before)
    rows = [line for line in text.split("Drift of")[1].splitlines() if line.startswith("| `")]
    assert [row.split("|")[1].strip() for row in rows] == ["`c`", "`b`", "`a`"]
    assert "**large**" in rows[0]
    assert "notable" in rows[1]


def test_a_first_model_the_same_model_and_none_are_told_apart() -> None:
    assert "there is no model before it" in told(new(), before=None)
    assert "The same model" in told(OLD)
    assert "No model changes." in render([model_section(OLD, None, None)])
