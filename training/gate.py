"""The gate: may this model take the place of the current one?"""

from __future__ import annotations

from app.artifact import Gate
from training.champion import Champion
from training.evaluate import improvement
from training.settings import GateSettings, Limits, Task


def judge(
    name: str,
    task: Task,
    metrics: dict[str, float],
    baseline: dict[str, float],
    champion: Champion | None,
    settings: GateSettings,
) -> Gate:
    """The verdict on a model with ``metrics``, and every reason against it."""
    rules = settings.classification if task == "classification" else settings.regression
    reasons = _against_reference(metrics, baseline, rules.metric, rules.over_baseline, "a predictor without features")
    if champion is not None and champion.obstacle:
        reasons.append(champion.obstacle)
    elif champion is not None and champion.metrics:
        reasons += _against_reference(
            metrics, champion.metrics, rules.metric, -rules.tolerance, f"the current model {champion.version}"
        )
    for limits in (rules, settings.models.get(name, Limits())):
        reasons += _against_limits(metrics, limits)
    return Gate(
        passed=not reasons,
        reasons=list(dict.fromkeys(reasons)),
        champion=champion.version if champion else None,
        champion_metrics=champion.metrics if champion else {},
    )


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
