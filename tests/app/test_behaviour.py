"""How the iris model that `make run` trains behaves on flowers that a botanist would know, and far away from them."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from typing import Any

import pytest

from tests.app.service import REPOSITORY, Service, Start

FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
# One real flower of each species, from the middle of Fisher's table (rows 1, 63 and 129).
FLOWERS = {
    "setosa": (5.1, 3.5, 1.4, 0.2),
    "versicolor": (6.0, 2.2, 4.0, 1.0),
    "virginica": (6.4, 2.8, 5.6, 2.1),
}


@pytest.fixture(scope="module")
def iris_service(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A server of the model that training makes without any option."""
    artifacts = tmp_path_factory.mktemp("artifacts")
    command = [sys.executable, "-m", "training", "--artifacts", str(artifacts)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return start_service(artifacts / "iris")


def predict(service: Service, rows: list[tuple[float, ...]]) -> dict[str, Any]:
    """The batch's answer."""
    instances = [dict(zip(FEATURES, row, strict=True)) for row in rows]
    answer = service.client.post("/predict/batch", json={"instances": instances})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("species", FLOWERS)
def test_a_real_flower_is_recognised(iris_service: Service, species: str) -> None:
    answer = iris_service.client.post("/predict", json=dict(zip(FEATURES, FLOWERS[species], strict=True))).json()
    assert answer["prediction"] == species
    assert answer["probabilities"][species] > 0.8


@pytest.mark.parametrize("species", ["setosa", "virginica"])
def test_the_width_of_a_pencil_line_does_not_change_a_typical_flower(iris_service: Service, species: str) -> None:
    steps = itertools.product((-0.02, 0.0, 0.02), repeat=4)
    rows = [tuple(value + step for value, step in zip(FLOWERS[species], move, strict=True)) for move in steps]
    assert set(predict(iris_service, rows)["predictions"]) == {species}


def test_petals_that_grow_never_lead_back_to_setosa(iris_service: Service) -> None:
    rows = [(5.8, 3.0, length / 10, length / 30) for length in range(10, 70)]
    setosa = [species == "setosa" for species in predict(iris_service, rows)["predictions"]]
    assert setosa[0]
    assert not setosa[-1]
    assert setosa == sorted(setosa, reverse=True)


def test_impossible_flowers_still_get_probabilities(iris_service: Service) -> None:
    rows = [(0.0, 0.0, 0.0, 0.0), (-1e30, 1e30, -1e30, 1e30), (5e-324, -0.0, 3.4e38, -3.4e38)]
    answer = predict(iris_service, rows)
    assert set(answer["predictions"]) <= set(FLOWERS)
    for probabilities in zip(*answer["probabilities"].values(), strict=True):
        assert all(0.0 <= probability <= 1.0 for probability in probabilities)
        assert math.isclose(sum(probabilities), 1.0, abs_tol=1e-9)
