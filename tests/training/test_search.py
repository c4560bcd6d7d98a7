"""Search and cross-validation: what is tried, told, recorded, refused, and that it ends in time."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import training.pipeline
from training.errors import DataError, SettingsError, TrainingError
from training.pipeline import Outcome, train
from training.progress import Progress
from training.retrain import Retraining
from training.search import Found, search
from training.settings import Settings, load_settings
from training.table import build_table

OPTIONS = ["train.folds=3", "validation.mode=never", "registry.enabled=false"]


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class inside a ring of the other, which a tree of one split cannot tell apart."""
    generator = np.random.default_rng(5)
    x = generator.normal(size=(240, 2))
    radius = np.hypot(*x.T)
    table = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": np.where(radius > np.median(radius), "out", "in")})
    file = tmp_path_factory.mktemp("rings") / "rings.csv"
    table.to_csv(file, index=False)
    return file


def settings(file: Path, *overrides: str, estimator: str = "random_forest") -> Settings:
    return load_settings(
        None,
        {"data.source": str(file), "data.target": "y", "train.estimator": estimator},
        [*OPTIONS, "train.random_forest={n_estimators = 5, max_depth = 1}", *overrides],
    )


def searched(file: Path, *overrides: str, **more: Any) -> tuple[Found, str]:
    chosen = settings(file, *overrides, **more)
    read = build_table(pd.read_csv(file), chosen.data)
    said = io.StringIO()
    found = search(read, np.arange(read.rows), chosen, Progress(Console(file=said, width=200)))
    return found, said.getvalue()


def trained(file: Path, artifacts: Path, *overrides: str, retraining: Retraining | None = None) -> Outcome:
    return train(settings(file, *overrides), "rings", artifacts, Progress(Console(quiet=True)), retraining=retraining)


def test_the_best_of_the_candidates_is_taken_and_compared_with_the_parameters_as_set(rings: Path) -> None:
    found, said = searched(rings, "search.candidates=3", "search.random_forest={max_depth = [2, 8, 12]}")
    # Merged key by key, the space has the defaults' other parameters, too.
    assert len(found.tried) == found.planned == 4
    assert found.tried[0].parameters == {}
    assert found.best.mean == max(one.mean for one in found.tried) > found.tried[0].mean + 0.1
    assert found.best.parameters["max_depth"] > 1
    assert f"best of 4: max_depth = {found.best.parameters['max_depth']}" in said


def test_a_metric_of_losses_is_made_small(rings: Path) -> None:
    found, _ = searched(rings, "search.candidates=2", "gate.classification.metric=log_loss")
    assert found.best.mean == min(one.mean for one in found.tried) > 0


def test_costs_can_be_what_is_searched_for(rings: Path) -> None:
    costs = ["train.costs={out = {in = 7}}", "gate.classification.metric=cost"]
    found, _ = searched(rings, "search.candidates=2", *costs)
    assert 0 < found.best.mean < 1
    with pytest.raises(SettingsError, match=r"metric = \"cost\".*the classes are in, out"):
        searched(rings, "search.candidates=2", "gate.classification.metric=cost")


def test_a_search_ends_when_its_time_is_over_and_says_so(rings: Path) -> None:
    found, said = searched(rings, "search.candidates=30", "search.minutes=0.0001")
    assert 1 <= len(found.tried) < found.planned == 31
    assert "of 31 candidates were tried when search.minutes were over" in said


def test_the_same_search_finds_the_same(rings: Path) -> None:
    first, second = (searched(rings, "search.candidates=3")[0] for _ in range(2))
    assert first.tried == second.tried


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["search.random_forest={depth = [1]}"], ["train.random_forest.depth", "no such parameter", "max_depth"]),
        (["search.random_forest={max_depth = [-1]}"], ["[train.random_forest]", "max_depth"]),
        (["train.folds=50", "split.test_size=0.9"], ["train.folds = 50"]),
        (
            ["search.random_forest={max_depth = [], max_features = [], min_samples_leaf = []}"],
            ["[search.random_forest]", "no values"],
        ),
    ],
)
def test_what_cannot_be_searched_names_its_setting(rings: Path, overrides: list[str], words: list[str]) -> None:
    with pytest.raises(TrainingError) as caught:
        trained(rings, rings.parent / "refused", "search.candidates=400", *overrides)
    assert all(word in str(caught.value) for word in words), caught.value


def test_what_was_chosen_is_recorded_and_repeats_the_model(rings: Path, tmp_path: Path) -> None:
    wide = trained(rings, tmp_path / "a", "search.candidates=3", "train.cross_validate=true")
    found, folds = wide.manifest.search, wide.manifest.folds
    assert not isinstance(found, msgspec.UnsetType)
    assert not isinstance(folds, msgspec.UnsetType)
    assert found.mean > found.as_set
    assert {len(values) for values in folds.values()} == {3}
    assert np.mean(folds["balanced_accuracy"]) == pytest.approx(found.mean)  # the same folds, as nothing is calibrated
    page = (wide.directory / "report.html").read_text(encoding="utf-8")
    assert "4 sets of parameters were tried" in page
    assert "Cross-validation" in page
    chosen = ", ".join(f"{name} = {value!r}" for name, value in found.chosen.items())
    again = trained(rings, tmp_path / "b", f"train.random_forest={{{chosen}}}")
    assert again.manifest.files["model.onnx"] == wide.manifest.files["model.onnx"]


def test_a_retraining_with_the_same_search_finds_nothing_to_do(rings: Path, tmp_path: Path) -> None:
    first = trained(rings, tmp_path, "search.candidates=2", retraining=Retraining(promote=True))
    same = trained(rings, tmp_path, "search.candidates=2", retraining=Retraining(promote=True))
    other = trained(rings, tmp_path, "search.candidates=3", retraining=Retraining(promote=True))
    assert (first.new, same.new, other.new) == (True, False, True)
    assert same.directory == first.directory


def test_a_class_that_a_fold_lacks_ends_the_run_with_its_name(tmp_path: Path) -> None:
    moments = pd.date_range("2026-01-01", periods=60).strftime("%Y-%m-%d")
    late = pd.DataFrame({"x": range(60), "t": moments, "y": ["a"] * 40 + ["a", "b"] * 10})
    file = tmp_path / "late.csv"
    late.to_csv(file, index=False)
    with pytest.raises(DataError, match=r"class 'b' of 'y' does not occur .*train\.folds"):
        trained(file, tmp_path, "search.candidates=2", "data.timestamp=t", "split.by=time")


@pytest.mark.parametrize(("metric", "defined"), [("log_loss", True), ("balanced_accuracy", True), ("roc_auc", False)])
def test_a_fold_to_judge_by_that_lacks_a_class_is_no_fault_of_the_parameters(
    tmp_path: Path, metric: str, defined: bool
) -> None:
    moments = pd.date_range("2026-01-01", periods=90).strftime("%Y-%m-%d")
    table = pd.DataFrame({"x": range(90), "t": moments, "y": ["a", "b", "c"] * 20 + ["a", "b"] * 15})
    file = tmp_path / "gone.csv"
    table.to_csv(file, index=False)
    overrides = ["search.candidates=2", f"gate.classification.metric={metric}", "data.timestamp=t", "split.by=time"]
    if defined:
        assert len(searched(file, *overrides)[0].tried) == 3
    else:
        with pytest.raises(SettingsError, match="roc_auc is undefined on the folds"):
            searched(file, *overrides)


def test_folds_for_calibration_within_folds_are_refused_before_anything_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def searched_for_nothing(*_: object) -> None:
        pytest.fail("searched for nothing")

    monkeypatch.setattr(training.pipeline, "search", searched_for_nothing)
    table = pd.DataFrame({"x": range(150), "y": ["a"] * 145 + ["b"] * 5})
    file = tmp_path / "rare.csv"
    table.to_csv(file, index=False)
    with pytest.raises(DataError, match=r"train\.folds = 3"):
        trained(file, tmp_path, "search.candidates=2", "train.cross_validate=true", "train.calibration=sigmoid")


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("log_loss", "paired t-test"), ("balanced_accuracy", "McNemar's exact test"), ("cost", "paired t-test")],
)
def test_the_champion_is_compared_in_what_the_gate_measures(
    rings: Path, tmp_path: Path, metric: str, expected: str
) -> None:
    overrides = ["train.costs={out = {in = 7}}", f"gate.classification.metric={metric}"]
    trained(rings, tmp_path, *overrides, "train.random_forest={n_estimators = 20, max_depth = 5}")
    second = trained(rings, tmp_path, *overrides, "train.random_forest={n_estimators = 10, max_depth = 4}")
    assert second.gate.comparison is not None
    assert second.gate.comparison.test == expected


def test_a_cluster_that_does_not_answer_is_named(rings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "nonsense:port")
    with pytest.raises(SettingsError, match="RAY_ADDRESS=nonsense:port"):
        searched(rings, "search.candidates=2")
