"""The gate: limits, the baseline and the champion, each with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from app.artifact import Comparison
from training.champion import Champion
from training.gate import judge
from training.settings import GateSettings, load_settings

METRICS = {"accuracy": 0.9, "balanced_accuracy": 0.88, "log_loss": 0.3}
DEFAULT_SLICES = load_settings(None, {}, []).slices
BASELINE = {"accuracy": 0.6, "balanced_accuracy": 0.5, "log_loss": 0.7}


def rules(*overrides: str) -> GateSettings:
    return load_settings(None, {}, ["gate.classification.tolerance=0.02", *overrides]).gate


def verdict(metrics: dict[str, float] = METRICS, champion: Champion | None = None, *overrides: str, **more: Any) -> Any:
    arguments: dict[str, Any] = {
        "name": "loans",
        "task": "classification",
        "baseline": BASELINE,
        "slices": [],
        "slicing": DEFAULT_SLICES,
        **more,
    }
    return judge(metrics=metrics, champion=champion, settings=rules(*overrides), **arguments)


def champion(**changes: Any) -> Champion:
    defaults: dict[str, Any] = {"version": "c0ffee", "metrics": {**METRICS}, "note": ""}
    return Champion(**{**defaults, **changes})


def test_a_model_that_beats_the_baseline_passes_without_a_champion() -> None:
    gate = verdict()
    assert (gate.passed, gate.reasons, gate.champion, gate.champion_metrics) == (True, [], None, {})


def test_a_model_that_knows_no_more_than_the_baseline_is_refused() -> None:
    gate = verdict({**METRICS, "balanced_accuracy": 0.54})
    assert not gate.passed
    assert gate.reasons == [
        "balanced_accuracy 0.5400 against 0.5000 of a predictor without features: must be better by 0.05"
    ]


@pytest.mark.parametrize(("value", "passed"), [(0.88, True), (0.861, True), (0.85, False), (0.95, True)])
def test_a_model_may_be_worse_than_the_champion_by_the_tolerance_at_most(value: float, passed: bool) -> None:
    gate = verdict({**METRICS, "balanced_accuracy": value}, champion())
    assert gate.passed is passed
    assert (gate.champion, gate.champion_metrics) == ("c0ffee", METRICS)
    assert passed or "may be worse by 0.02 at most" in gate.reasons[0]


@pytest.mark.parametrize(("value", "passed"), [(0.3, True), (0.31, True), (0.33, False), (0.1, True)])
def test_losses_are_compared_the_other_way_round(value: float, passed: bool) -> None:
    gate = verdict({**METRICS, "log_loss": value}, champion(), "gate.classification.metric=log_loss")
    assert gate.passed is passed


def test_absolute_limits_apply_to_the_task_and_to_the_model_of_a_name() -> None:
    limits = ["gate.classification.at_least.accuracy=0.95", "gate.models.loans.at_most.log_loss=0.2"]
    assert verdict(METRICS, None, *limits).reasons == [
        "accuracy 0.9000 must be at least 0.95",
        "log_loss 0.3000 must be at most 0.2",
    ]
    assert verdict(METRICS, None, *limits, name="other").reasons == ["accuracy 0.9000 must be at least 0.95"]


def test_a_limit_on_a_metric_that_the_model_has_not_refuses_it() -> None:
    gate = verdict(METRICS, None, "gate.classification.at_least.roc_auc=0.5")
    assert gate.reasons == ["roc_auc is undefined for this model, and must be at least 0.5"]


def test_a_champion_that_predicts_something_else_is_in_the_way() -> None:
    gate = verdict(METRICS, champion(metrics={}, obstacle="it predicts 'species'"))
    assert gate.reasons == ["it predicts 'species'"]


def test_a_champion_that_cannot_serve_is_not_in_the_way() -> None:
    gate = verdict(METRICS, champion(metrics={}))
    assert (gate.passed, gate.champion) == (True, "c0ffee")


BETTER = "gate.classification.replace=better"


def compared(p_value: float) -> Comparison:
    return Comparison(test="McNemar's exact test", rows=30, better=6, worse=0, p_value=p_value)


def test_where_a_champion_must_be_beaten_a_gain_has_to_be_more_than_chance() -> None:
    weaker = {**METRICS, "balanced_accuracy": 0.80}
    assert verdict(METRICS, champion(metrics=weaker, comparison=compared(0.03)), BETTER).passed
    refused = verdict(METRICS, champion(metrics=weaker, comparison=compared(0.2)), BETTER)
    assert refused.reasons == [
        "better than the current model c0ffee by chance, perhaps: better on 6 and worse on 0 of 30 held-out rows, "
        "p = 0.2 (McNemar's exact test), must be < 0.05"
    ]
    assert refused.comparison == compared(0.2)
    lenient = "gate.classification.significance=0.25"
    assert verdict(METRICS, champion(metrics=weaker, comparison=compared(0.2)), BETTER, lenient).passed


@pytest.mark.parametrize(("value", "reason"), [(0.88, "must be better"), (0.95, "must be better")])
def test_where_a_champion_must_be_beaten_an_equal_or_worse_model_is_refused(value: float, reason: str) -> None:
    strong = champion(metrics={**METRICS, "balanced_accuracy": value}, comparison=compared(0.001))
    assert reason in verdict(METRICS, strong, BETTER).reasons[0]


def test_a_champion_that_must_be_beaten_and_cannot_answer_the_rows_stays() -> None:
    weaker = champion(metrics={**METRICS, "balanced_accuracy": 0.5})
    assert "cannot be tested" in verdict(METRICS, weaker, BETTER).reasons[0]
    assert verdict(METRICS, weaker).passed
