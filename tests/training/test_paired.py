"""The paired test against values worked out elsewhere, and what it says of models that do not differ."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from training.export.runtime import Answers
from training.paired import describe, paired_test


def labels(*, both: int, new: int, old: int, neither: int) -> tuple[np.ndarray, Answers, Answers]:
    """Rows of class 1 that both models, the challenger alone, the champion alone or none of them got right."""
    challenger = np.repeat([1, 1, 0, 0], [both, new, old, neither])
    champion = np.repeat([1, 0, 1, 0], [both, new, old, neither])
    return np.ones(len(champion), dtype=int), Answers(champion, None), Answers(challenger, None)


def test_mcnemars_test_looks_at_the_rows_alone_on_which_the_models_differ() -> None:
    found = paired_test("balanced_accuracy", *labels(both=90, new=9, old=1, neither=5))
    # Two-sided, exact: 2 · (C(10, 0) + C(10, 1)) / 2^10.
    assert found.p_value == pytest.approx(22 / 1024)
    assert (found.test, found.rows, found.better, found.worse) == ("McNemar's exact test", 105, 9, 1)
    assert paired_test("accuracy", *labels(both=9000, new=9, old=1, neither=0)).p_value == found.p_value
    assert describe(found) == "better on 9 and worse on 1 of 105 held-out rows, p = 0.0215 (McNemar's exact test)"


def test_models_that_answer_alike_do_not_differ() -> None:
    assert paired_test("accuracy", *labels(both=5, new=0, old=0, neither=3)).p_value == 1
    target = np.array([1.0, 2.0, 4.0])
    same = Answers(np.array([1.5, 2.0, 3.0]), None)
    assert paired_test("r2", target, same, same).p_value == 1


@pytest.mark.parametrize(("metric", "power"), [("mae", 1), ("rmse", 2), ("r2", 2)])
def test_quantities_are_compared_by_the_losses_that_the_metric_adds_up(metric: str, power: int) -> None:
    generator = np.random.default_rng(1)
    target = generator.normal(size=60)
    old, new = target + generator.normal(0, 1.3, 60), target + generator.normal(0, 1.0, 60)
    found = paired_test(metric, target, champion=Answers(old, None), challenger=Answers(new, None))
    gains = np.abs(old - target) ** power - np.abs(new - target) ** power
    t = gains.mean() / (gains.std(ddof=1) / np.sqrt(60))
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(t), 59))
    assert (found.better, found.worse) == ((gains > 0).sum(), (gains < 0).sum())


def test_probabilities_are_compared_row_by_row_also_where_one_is_zero() -> None:
    target = np.array([0, 1, 1, 0])
    old = np.array([[0.6, 0.4], [0.5, 0.5], [1.0, 0.0], [0.7, 0.3]])
    new = np.array([[0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.6, 0.4]])
    found = paired_test(
        "log_loss", target, champion=Answers(old.argmax(1), old), challenger=Answers(new.argmax(1), new)
    )
    assert (found.test, found.better, found.worse) == ("paired t-test", 3, 1)
    assert 0 < found.p_value < 1


def test_under_equal_models_one_in_twenty_tests_at_most_is_significant() -> None:
    generator = np.random.default_rng(0)
    target = np.ones(200, dtype=int)
    found = [
        paired_test(
            "accuracy",
            target,
            Answers((generator.random(200) < 0.8).astype(int), None),
            Answers((generator.random(200) < 0.8).astype(int), None),
        ).p_value
        for _ in range(400)
    ]
    assert np.mean(np.array(found) < 0.05) <= 0.06
