"""Predictions from real server processes: right answers to good rows, and invariances that must hold."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from app.artifact import MAX_MAGNITUDE, MODEL, load, resolve
from tests.app.models import FLOWER, LOAN
from tests.app.service import Service, Start


def random_flowers(count: int) -> list[dict[str, float]]:
    """Rows with numbers of every size."""
    generator = random.Random(7)
    return [{name: generator.uniform(-1, 1) * 10 ** generator.uniform(-3, 3) for name in FLOWER} for _ in range(count)]


def test_the_answer_is_what_the_graph_says(flower_service: Service, flowers: Path) -> None:
    session = onnxruntime.InferenceSession((resolve(flowers) / MODEL).read_bytes())
    classes = load(flowers).manifest.classes
    for row in random_flowers(20):
        label, probabilities = session.run(None, {"numbers": np.array([list(row.values())])})
        answer = flower_service.client.post("/predict", json=row).json()
        assert answer["prediction"] == classes[int(np.asarray(label)[0])]
        assert list(answer["probabilities"].values()) == np.asarray(probabilities)[0].tolist()
        assert answer["model_version"] == resolve(flowers).name


def test_a_known_row_gets_its_known_class(flower_service: Service) -> None:
    answer = flower_service.client.post("/predict", json=FLOWER)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["prediction"] == "setosa"
    assert sum(answer.json()["probabilities"].values()) == pytest.approx(1)


def test_the_order_of_features_and_white_space_do_not_matter(flower_service: Service) -> None:
    answer = flower_service.client.post("/predict", json=FLOWER).json()
    assert flower_service.client.post("/predict", json=dict(reversed(FLOWER.items()))).json() == answer
    spaced = "\n {" + ",\t".join(f' "{name}" : {value}' for name, value in FLOWER.items()) + " } \r\n"
    headers = {"content-type": "application/json"}
    assert flower_service.client.post("/predict", content=spaced, headers=headers).json() == answer


def test_a_batch_answers_each_row_as_if_it_came_alone(flower_service: Service) -> None:
    rows = random_flowers(60)
    batch = flower_service.client.post("/predict/batch", json={"instances": rows}).json()
    assert [*batch["probabilities"]] == ["setosa", "versicolor", "virginica"]
    for index, row in enumerate(rows):
        alone = flower_service.client.post("/predict", json=row).json()
        assert batch["predictions"][index] == alone["prediction"]
        for name, column in batch["probabilities"].items():
            assert column[index] == pytest.approx(alone["probabilities"][name], abs=1e-12)


def test_the_rows_of_a_batch_do_not_influence_each_other(flower_service: Service) -> None:
    rows = random_flowers(30)
    forwards = flower_service.client.post("/predict/batch", json={"instances": rows}).json()
    backwards = flower_service.client.post("/predict/batch", json={"instances": rows[::-1]}).json()
    assert backwards["predictions"] == forwards["predictions"][::-1]


def test_a_regression_answers_a_number(price_service: Service) -> None:
    answer = price_service.client.post("/predict", json={"rooms": 4, "age": 10}).json()
    assert answer == {"prediction": 17.0, "model_version": answer["model_version"]}
    rows = [{"rooms": 1, "age": 0}, {"rooms": 0, "age": 1}]
    assert price_service.client.post("/predict/batch", json={"instances": rows}).json()["predictions"] == [3.0, 0.5]


def test_texts_booleans_and_gaps_reach_the_model(loan_service: Service) -> None:
    def chance(**changes: Any) -> float:
        answer = loan_service.client.post("/predict", json=LOAN | changes)
        assert answer.status_code == 200, answer.text
        assert answer.json()["prediction"] in (True, False)
        return answer.json()["probabilities"]["true"]

    assert chance() == chance(employment=None)
    changed = [chance(region="süd"), chance(owns_home=False), chance(income=None), chance(employment="employed")]
    assert len({chance(), *changed}) == 5
    left_out = {name: value for name, value in LOAN.items() if value is not None}
    assert loan_service.client.post("/predict", json=left_out).json()["probabilities"]["true"] == chance()


@pytest.mark.parametrize("value", [0, -0.0, 5e-324, MAX_MAGNITUDE, -MAX_MAGNITUDE, 10**38, 2**63, 1e-400])
def test_degenerate_numbers_within_the_range_are_predicted(price_service: Service, value: float) -> None:
    answer = price_service.client.post("/predict", json={"rooms": value, "age": 1})
    assert answer.status_code == 200
    assert answer.json()["prediction"] == pytest.approx(3.0 * float(value) + 0.5)


def test_the_largest_batch_is_answered_and_one_row_more_is_not(flower_service: Service) -> None:
    assert flower_service.client.post("/predict/batch", json={"instances": [FLOWER] * 100}).status_code == 200
    refused = flower_service.client.post("/predict/batch", json={"instances": [FLOWER] * 101})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["reason"] == "has 101 rows"


def test_a_heavy_prediction_does_not_hold_up_health(start_service: Start, slow: Path) -> None:
    service = start_service(slow)
    finished: list[str] = []

    def predict() -> None:
        answer = service.client.post("/predict", json={"steps": 300_000})
        assert answer.json()["prediction"] == 300_000
        finished.append("prediction")

    thread = threading.Thread(target=predict)
    thread.start()
    while service.metrics()["api_requests_in_flight"] < 2:  # the prediction and this scrape
        assert not finished, "the prediction is over before it was seen"
    assert service.client.get("/health").status_code == 200
    finished.append("health")
    thread.join()
    assert finished == ["health", "prediction"]
