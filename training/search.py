"""Search: sets of parameters that are tried by cross-validation, the best of which is taken.

Candidates are drawn by scikit-learn's ParameterSampler and scored by its cross_val_score, a round of them at a time, so
that a budget of time ends the search between rounds (its own searches know none). The rounds run on joblib: on this
machine's processors, or on the cluster that RAY_ADDRESS names (`training.workers`).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.utils.parallel import Parallel, delayed

from training.errors import SettingsError
from training.estimators import build_pipeline, check_classes, refusals
from training.evaluate import LOWER_IS_BETTER
from training.progress import Progress
from training.scoring import scoring, trial
from training.settings import Settings
from training.split import make_folds
from training.table import Table
from training.workers import workers


@dataclass(frozen=True)
class Candidate:
    """A set of parameters beside those of the settings, and its metric's mean and standard deviation over the folds."""

    parameters: dict[str, Any]
    mean: float
    deviation: float


@dataclass(frozen=True)
class Found:
    """What a search came to: all that were tried, the first being the settings' own parameters."""

    metric: str
    tried: list[Candidate]
    planned: int

    @property
    def best(self) -> Candidate:
        """The candidate with the best mean; of equal ones the one tried first."""
        return (min if self.metric in LOWER_IS_BETTER else max)(self.tried, key=lambda one: one.mean)


def search(table: Table, rows: np.ndarray, settings: Settings, progress: Progress) -> Found:
    """Try candidates on folds of ``rows`` until all are tried or the time is over.

    Raises SettingsError where scikit-learn refuses a value, and DataError where the rows do not allow the folds.
    """
    metric = settings.gate.of(table.task).metric
    parts = make_folds(table, rows, settings.split, settings.train.folds)
    for learnt, _ in parts:
        check_classes(table, rows[learnt])
    candidates = _candidates(settings, table)
    frame, target = table.frame().iloc[rows], table.target[rows]
    score = scoring(metric, table, settings.train)
    tried: list[Candidate] = []
    start = time.monotonic()
    with (
        workers() as (where, count),
        Parallel() as parallel,
        progress.bar("candidates", len(candidates)) as advance,
    ):
        progress.say(f"{len(candidates)} candidates on {len(parts)} folds, {count} trainings at a time {where}")
        size = max(1, round(count / len(parts)))
        for first in range(0, len(candidates), size):
            if first and time.monotonic() - start > settings.search.minutes * 60:
                break
            together = candidates[first : first + size]
            models = [build_pipeline(table, settings.train, settings.split.seed, chosen) for chosen in together]
            jobs = [delayed(trial)(model, frame, target, part, score) for model in models for part in parts]
            with refusals(settings.train, table.task):
                scores: Any = parallel(jobs)
            tried += _scored(together, np.reshape(scores, (len(together), len(parts))))
            advance(len(together))
    found = Found(metric, tried, len(candidates))
    _tell(found, progress)
    return found


def _candidates(settings: Settings, table: Table) -> list[dict[str, Any]]:
    """The settings' own parameters, then others drawn from the space, each once."""
    name = settings.train.table(table.task)
    space = settings.search.space(name)
    if not space:
        raise SettingsError(f"settings [search.{name}]: no values to choose from")
    count = min(settings.search.candidates, len(ParameterGrid(space)))
    drawn = list(ParameterSampler(space, count, random_state=settings.split.seed))
    build_pipeline(table, settings.train, settings.split.seed, drawn[0])  # refuses names that do not exist
    return [{}, *({key: one[key] for key in sorted(one)} for one in drawn)]


def _scored(candidates: Sequence[dict[str, Any]], scores: np.ndarray) -> list[Candidate]:
    """The candidates with their ``scores``, ``[candidates, folds]``; those of an undefined one go."""
    means, deviations = scores.mean(axis=1).tolist(), scores.std(axis=1).tolist()
    scored = map(Candidate, candidates, means, deviations)
    return [one for one in scored if math.isfinite(one.mean)]


def _tell(found: Found, progress: Progress) -> None:
    """What came of it."""
    if not found.tried:
        raise SettingsError(
            f"the search's metric {found.metric} is undefined on the folds; choose another for the gate"
        )
    if len(found.tried) < found.planned:
        progress.warn(
            f"{len(found.tried)} of {found.planned} candidates were tried when search.minutes were over; with more "
            "time others may be found"
        )
    best = found.best
    shown = ", ".join(f"{name} = {json.dumps(value)}" for name, value in best.parameters.items())
    progress.say(
        f"best of {len(found.tried)}: {shown or 'the parameters as set'}: "
        f"{found.metric} {best.mean:.4f} ± {best.deviation:.4f}, as set {found.tried[0].mean:.4f}"
    )
