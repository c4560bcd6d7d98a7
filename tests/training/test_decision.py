"""Calibrated probabilities and answers by cost: exported exactly, and right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from app.kernel.decision import calibrated, cheapest
from app.kernel.model import TreeModel
from app.kernel.packed import KernelError, encode
from tests.training.tables import data_settings
from training.errors import SettingsError
from training.estimators import build_pipeline
from training.export.pack import pack
from training.export.prove import prove
from training.export.runtime import Trees
from training.fitted import cost_matrix
from training.settings import load_settings
from training.table import build_table

SMALL = ["train.random_forest.n_estimators=7", "train.hist_gradient_boosting.max_iter=8", "train.folds=3"]
CALIBRATED = "train.calibration=sigmoid"
COSTS = {
    "answer": "train.costs={no = {yes = 1}, yes = {no = 9}}",
    "grade": "train.costs={a = {b = 3, c = 5}, d = {a = 20, c = 0.5}}",
}
IGNORED = ("amount", "answer", "grade")


@pytest.mark.parametrize("estimator", ["random_forest", "hist_gradient_boosting", "linear"])
@pytest.mark.parametrize("target", ["answer", "grade"])
@pytest.mark.parametrize("kinds", ["calibration", "costs", "both"])
def test_what_decides_is_exported_exactly(
    fitted: Callable[..., Any], messy: pd.DataFrame, estimator: str, target: str, kinds: str
) -> None:
    overrides = [CALIBRATED] * (kinds != "costs") + [COSTS[target]] * (kinds != "calibration")
    made = fitted(messy, target, estimator, *SMALL, *overrides, ignore=IGNORED)
    ensemble = pack(made.fitted, made.table)
    assert (ensemble is None) == (estimator == "linear")
    types = {column.name: column.type for column in made.table.features}
    texts = [column.categories for column in made.table.texts]
    trees = [] if ensemble is None else [Trees(encode(ensemble), types, texts)]
    assert prove(made.fitted, made.model, made.table, *trees) > 1_000


def test_costs_move_the_answer_and_leave_the_probabilities(fitted: Callable[..., Any], messy: pd.DataFrame) -> None:
    plain, dear = (
        fitted(messy, "answer", "random_forest", *SMALL, *more, ignore=IGNORED) for more in ([], [COSTS["answer"]])
    )
    before, after = (one.model.predict(one.frame) for one in (plain, dear))
    assert np.array_equal(before.probabilities, after.probabilities)
    assert (after.predictions == (before.probabilities[:, 1] * 9 > before.probabilities[:, 0])).all()
    assert after.predictions.sum() > before.predictions.sum()


def test_calibration_brings_probabilities_near_to_what_is_observed(fitted: Callable[..., Any]) -> None:
    # A forest of deep trees on noise is far too sure of itself on the rows that it was taught.
    generator = np.random.default_rng(3)
    x = generator.normal(size=(600, 4))
    table = pd.DataFrame(x, columns=list("abcd")).assign(y=np.where(generator.random(600) < 0.3, "yes", "no"))
    plain, better = (fitted(table, "y", "random_forest", *SMALL, *more) for more in ([], [CALIBRATED]))
    fresh = pd.DataFrame(generator.normal(size=(2_000, 4)), columns=list("abcd"))
    wrong = [float(np.abs(one.fitted.probabilities(fresh)[:, 1] - 0.3).mean()) for one in (plain, better)]
    assert wrong[1] < 0.3 * wrong[0]


def test_probabilities_of_several_calibrated_classes_add_up_to_one_even_where_all_vanish() -> None:
    scores = np.array([[0.2, 0.5, 0.3], [-1e9, -1e9, -1e9]])
    found = calibrated(scores, [(-4.0, 1.0), (-3.0, 2.0), (-5.0, 0.5)])
    assert found.sum(axis=1) == pytest.approx([1, 1])
    assert found[1].tolist() == [1 / 3] * 3


def test_the_cheapest_answer_is_the_first_of_equal_ones() -> None:
    assert cheapest(np.array([[0.75, 0.25], [0.76, 0.24], [0.7, 0.3]]), [[0, 1], [3, 0]]).tolist() == [0, 0, 1]


def test_classes_are_named_as_the_data_has_them() -> None:
    frame = pd.DataFrame({"x": range(20), "y": [True, False] * 10})
    read = build_table(frame, data_settings(target="y"))
    matrix = cost_matrix(read, {"true": {"false": 4.0}})
    assert matrix is not None
    assert matrix.tolist() == [[0, 1], [4, 0]]
    with pytest.raises(SettingsError, match=r"train\.costs\.True: 'y' has no such class; did you mean 'true'"):
        cost_matrix(read, {"True": {"false": 4.0}})
    with pytest.raises(SettingsError, match=r"train\.costs\.true\.no: .* there are: false, true"):
        cost_matrix(read, {"true": {"no": 4.0}})


def test_weights_of_classes_are_given_by_name(messy: pd.DataFrame) -> None:
    def pipeline(weights: str) -> Any:
        settings = load_settings(
            None, {"data.target": "answer"}, [f"train.random_forest.class_weight={weights}", "data.ignore=['grade']"]
        )
        read = build_table(messy, settings.data)
        return build_pipeline(read, settings.train, 1).named_steps["estimator"]

    assert pipeline("{yes = 5, no = 1}").class_weight == {1: 5, 0: 1}
    with pytest.raises(SettingsError, match=r"train\.random_forest\.class_weight\.maybe: .* no such class"):
        pipeline("{maybe = 5}")


@pytest.mark.usefixtures("tree_kernel")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scaling": [(1.0, 0.0), (1.0, 0.0)]}, "calibrates 2 scores of 1"),
        ({"costs": [[0.0, 1.0]]}, "costs of other classes"),
    ],
)
def test_packed_trees_that_decide_on_other_classes_are_refused(
    fitted: Callable[..., Any], messy: pd.DataFrame, changes: dict[str, Any], words: str
) -> None:
    made = fitted(messy, "answer", "hist_gradient_boosting", *SMALL, ignore=IGNORED)
    ensemble = pack(made.fitted, made.table)
    assert ensemble is not None
    header = msgspec.structs.replace(ensemble.header, **changes)
    content = encode(type(ensemble)(header, *(getattr(ensemble, name) for name in list(vars(ensemble))[1:])))
    texts = [column.categories for column in made.table.texts]
    with pytest.raises(KernelError, match=words):
        TreeModel.load(content, len(made.table.numbers), texts, 2)
