"""The settings of learning: how rows are held out, which estimator gets which parameters, how better ones are found."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast, get_args

import msgspec

from training.data_settings import NonNegative, Positive, SettingsTable

Task = Literal["classification", "regression"]
EstimatorName = Literal["random_forest", "hist_gradient_boosting", "linear"]
ESTIMATORS: tuple[str, ...] = get_args(EstimatorName)
Costs = dict[str, dict[str, Annotated[float, msgspec.Meta(ge=0, le=1e9)]]]


class SplitSettings(SettingsTable, frozen=True, omit_defaults=True):
    """How rows are held out; ``seed`` also seeds the estimator, ``group`` names the column whose rows stay together."""

    test_size: Annotated[float, msgspec.Meta(gt=0, lt=1)]
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
    stratify: bool
    by: Literal["row", "group", "time"] = "row"
    group: str = ""


class TrainSettings(SettingsTable, frozen=True):
    """The estimator's name and, per scikit-learn class, the parameters it gets; how its probabilities become answers.

    ``costs`` is what an answer (the inner key) costs to a row of a class (the outer key).
    """

    estimator: EstimatorName
    random_forest: dict[str, Any]
    hist_gradient_boosting: dict[str, Any]
    logistic: dict[str, Any]
    ridge: dict[str, Any]
    folds: Annotated[int, msgspec.Meta(ge=2, le=50)] = 5
    cross_validate: bool = False
    calibration: Literal["none", "sigmoid"] = "none"
    costs: Costs = msgspec.field(default_factory=dict)

    def table(self, task: Task) -> str:
        """The name of the parameter table in force."""
        if self.estimator == "linear":
            return "logistic" if task == "classification" else "ridge"
        return self.estimator

    def parameters(self, task: Task) -> dict[str, Any]:
        """The parameters for the estimator in force."""
        return cast("dict[str, Any]", getattr(self, self.table(task)))

    def shaping(self, task: Task, searched: bool) -> dict[str, Any]:
        """What shapes a model of ``task``; what is not in force is left out."""
        found: dict[str, Any] = {"estimator": self.estimator, self.table(task): self.parameters(task)}
        if self.cross_validate:
            found["cross_validate"] = True
        if task == "classification" and self.calibration != "none":
            found["calibration"] = self.calibration
        if self.cross_validate or searched or "calibration" in found:
            found["folds"] = self.folds
        if task == "classification" and self.costs:
            found["costs"] = self.costs
        return found


class SearchSettings(SettingsTable, frozen=True):
    """How many sets of parameters are tried for how long, and, per scikit-learn class, the values to choose from."""

    candidates: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    minutes: Positive
    random_forest: dict[str, list[Any]]
    hist_gradient_boosting: dict[str, list[Any]]
    logistic: dict[str, list[Any]]
    ridge: dict[str, list[Any]]

    def space(self, table: str) -> dict[str, list[Any]]:
        """The values to choose from for the class whose parameters stand in ``table``; an empty list takes one out."""
        space = cast("dict[str, list[Any]]", getattr(self, table))
        return {name: values for name, values in space.items() if values}


class SliceSettings(SettingsTable, frozen=True):
    """The columns by whose values metrics are told apart, and how far a slice may fall behind.

    Slices of fewer than ``rows`` held-out rows are shown and not judged; ``gap`` is in units of the gate's metric.
    """

    columns: list[str]
    rows: Annotated[int, msgspec.Meta(ge=2)]
    gap: NonNegative
