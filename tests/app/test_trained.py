"""From a CSV file to predictions over HTTP: a really trained model with texts, booleans and gaps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app.service import Service
from tests.app.trained import loans


@pytest.fixture(scope="module")
def rows(trained_service: Service) -> list[tuple[dict[str, Any], str]]:
    """The rows of the file as instances, each with its outcome."""
    return loans(trained_service)


def test_every_row_of_the_file_is_predicted_and_most_are_right(
    trained_service: Service, rows: list[tuple[dict[str, Any], str]]
) -> None:
    instances = [instance for instance, _ in rows]
    assert any(None in instance.values() for instance in instances), "the example data has no gaps"
    answer = trained_service.client.post("/predict/batch", json={"instances": instances})
    assert answer.status_code == 200, answer.text
    predictions = answer.json()["predictions"]
    right = sum(prediction == outcome for prediction, (_, outcome) in zip(predictions, rows, strict=True))
    assert right / len(rows) > 0.9


def test_a_row_alone_gets_exactly_the_answer_it_gets_in_a_batch(
    trained_service: Service, rows: list[tuple[dict[str, Any], str]]
) -> None:
    instances = [instance for instance, _ in rows[:50]]
    batch = trained_service.client.post("/predict/batch", json={"instances": instances}).json()
    for index, instance in enumerate(instances):
        alone = trained_service.client.post("/predict", json=instance).json()
        assert alone["prediction"] == batch["predictions"][index]
        assert alone["probabilities"] == {name: column[index] for name, column in batch["probabilities"].items()}


def test_a_category_never_seen_is_refused_with_those_that_were(trained_service: Service) -> None:
    example = trained_service.client.get("/model").json()["example"]["instance"]
    answer = trained_service.client.post("/predict", json=example | {"region": "atlantis"})
    assert answer.status_code == 422
    assert '"east"' in answer.json()["errors"][0]["remedy"]
