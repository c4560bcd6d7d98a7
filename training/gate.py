"""The gate: may this model take the place of the current one?"""

from __future__ import annotations

from collections.abc import Sequence

from app.artifact import Gate, Slice
from training.champion import Champion
from training.evaluate import improvement
from training.paired import describe
from training.settings import ClassificationGate, GateSettings, Limits, RegressionGate
from training.train_settings import SliceSettings, Task


def judge(
    name: str,
    task: Task,
    metrics: dict[str, float],
    baseline: dict[str, float],
    champion: Champion | None,
    settings: GateSettings,
    slices: Sequence[Slice],
    slicing: SliceSettings,
) -> Gate:
    """The verdict on a model with ``metrics``, and every reason against it; ``slicing`` says how ``slices`` count."""
    rules = settings.of(task)
    reasons = _against_reference(metrics, baseline, rules.metric, rules.over_baseline, "a predictor without features")
    if champion is not None and champion.obstacle:
        reasons.append(champion.obstacle)
    elif champion is not None and champion.metrics:
        reasons += _against_champion(metrics, champion, rules)
    for limits in (rules, settings.models.get(name, Limits())):
        reasons += _against_limits(metrics, limits)
    reasons += _against_slices(metrics, slices, rules.metric, slicing)
    return Gate(
        passed=not reasons,
        reasons=list(dict.fromkeys(reasons)),
        champion=champion.version if champion else None,
        champion_metrics=champion.metrics if champion else {},
        comparison=champion.comparison if champion else None,
    )


def _against_champion(
    metrics: dict[str, float], champion: Champion, rules: ClassificationGate | RegressionGate
) -> list[str]:
    """A reason if the model is worse than the champion by more than the tolerance, or not better where it must be."""
    who = f"the current model {champion.version}"
    if rules.replace == "not_worse":
        return _against_reference(metrics, champion.metrics, rules.metric, -rules.tolerance, who)
    value, reference = metrics.get(rules.metric), champion.metrics.get(rules.metric)
    if value is None or reference is None:
        return [f"{rules.metric} is undefined on the held-out rows"]
    if improvement(rules.metric, value, reference) <= 0:
        return [f"{rules.metric} {value:.4f} against {reference:.4f} of {who}: must be better"]
    if champion.comparison is None:
        return [f"{who} cannot answer the same rows, so that this one is better cannot be tested"]
    if champion.comparison.p_value >= rules.significance:
        return [
            f"better than {who} by chance, perhaps: {describe(champion.comparison)}, must be < {rules.significance:g}"
        ]
    return []


def _against_reference(
    metrics: dict[str, float], reference: dict[str, float], metric: str, margin: float, who: str
) -> list[str]:
    """A reason if ``metric`` does not exceed ``who``'s by at least ``margin``, which is negative for a tolerance."""
    if metric not in metrics:
        return [f"{metric} is undefined on the held-out rows"]
    if metric not in reference:
        return []
    gained = improvement(metric, metrics[metric], reference[metric])
    if gained >= margin:
        return []
    rule = f"must be better by {margin:g}" if margin > 0 else f"may be worse by {-margin:g} at most"
    return [f"{metric} {metrics[metric]:.4f} against {reference[metric]:.4f} of {who}: {rule}"]


def _against_limits(metrics: dict[str, float], limits: Limits) -> list[str]:
    """A reason for each absolute limit that is missed, or set on a metric that the model has not."""
    bounds = [(name, "at least", bound) for name, bound in limits.at_least.given().items()]
    bounds += [(name, "at most", bound) for name, bound in limits.at_most.given().items()]
    reasons: list[str] = []
    for name, kind, bound in bounds:
        value = metrics.get(name)
        if value is None:
            reasons.append(f"{name} is undefined for this model, and must be {kind} {bound:g}")
        elif (value < bound) if kind == "at least" else (value > bound):
            reasons.append(f"{name} {value:.4f} must be {kind} {bound:g}")
    return reasons


def _against_slices(
    metrics: dict[str, float], slices: Sequence[Slice], metric: str, settings: SliceSettings
) -> list[str]:
    """A reason for each slice of enough rows that is worse than all rows by more than the gap."""
    reasons: list[str] = []
    for part in slices:
        value = part.metrics.get(metric)
        if part.rows < settings.rows or value is None or metric not in metrics:
            continue
        if improvement(metric, value, metrics[metric]) < -settings.gap:
            reasons.append(
                f"{metric} {value:.4f} on the {part.rows} held-out rows with {part.column} {part.value}, against "
                f"{metrics[metric]:.4f} on all: may be worse by {settings.gap:g} at most"
            )
    return reasons
