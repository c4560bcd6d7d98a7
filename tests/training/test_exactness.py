"""The graph and the packed trees answer as scikit-learn does: on the data, around every threshold, on unseen rows.

These tests look for thresholds and run the graph by themselves; what training proves before it publishes is tested
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes

from app.artifact import MAX_MAGNITUDE
from app.kernel.model import TreeModel
from app.kernel.packed import encode
from tests.training.tables import read_iris
from training.export.pack import pack

pytestmark = pytest.mark.usefixtures("tree_kernel")

TREES = "train.random_forest.n_estimators=30"
ROUNDS = "train.hist_gradient_boosting.max_iter=20"
ESTIMATORS = ["random_forest", "hist_gradient_boosting", "linear"]


def run_graph(fitted: Any, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """The graph's outputs by name, fed as the artifact's contract says."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(fitted.content, options)
    feed: dict[str, np.ndarray] = {}
    if fitted.table.numbers:
        feed["numbers"] = frame[[column.name for column in fitted.table.numbers]].to_numpy(np.float64)
    if fitted.table.texts:
        feed["texts"] = frame[[column.name for column in fitted.table.texts]].to_numpy(object)
    outputs: Any = session.run(None, feed)
    return dict(zip([output.name for output in session.get_outputs()], outputs, strict=True))


def run_trees(fitted: Any, frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """The outputs of the packed trees, summed by the compiled kernel."""
    ensemble = pack(fitted.fitted, fitted.table)
    assert ensemble is not None
    texts = [column.categories for column in fitted.table.texts]
    model = TreeModel.load(encode(ensemble), len(fitted.table.numbers), texts, len(fitted.table.classes))
    feed = {
        "numbers": frame[[column.name for column in fitted.table.numbers]].to_numpy(np.float64),
        "texts": frame[[column.name for column in fitted.table.texts]].to_numpy(object),
    }
    return dict(
        zip(("label", "probabilities") if fitted.table.classes else ("prediction",), model.run(feed), strict=True)
    )


def assert_equal_answers(fitted: Any, frame: pd.DataFrame) -> None:
    assert_answers(fitted, frame, run_graph(fitted, frame))
    if not hasattr(fitted.fitted.estimator, "coef_"):
        assert_answers(fitted, frame, run_trees(fitted, frame))


def assert_answers(fitted: Any, frame: pd.DataFrame, found: dict[str, np.ndarray]) -> None:
    with np.errstate(all="ignore"):  # scikit-learn looks for infinities by a sum, which huge numbers overflow
        expected = fitted.fitted.predict(frame)
        probabilities = fitted.fitted.probabilities(frame)
    if probabilities is None:
        assert found["prediction"].shape == (len(frame),)
        np.testing.assert_allclose(found["prediction"], expected, rtol=1e-12, atol=1e-9)
        return
    assert int((found["label"] != expected).sum()) == 0
    np.testing.assert_allclose(found["probabilities"], probabilities, rtol=0, atol=1e-12)


def thresholds(estimator: Any) -> set[tuple[int, float]]:
    """Every split of a forest or a boosting: (feature, threshold)."""
    if hasattr(estimator, "estimators_"):
        trees = [tree.tree_ for tree in estimator.estimators_]
        return {
            (int(f), float(t)) for tree in trees for f, t in zip(tree.feature, tree.threshold, strict=True) if f >= 0
        }
    nodes = [predictor.nodes for iteration in estimator._predictors for predictor in iteration]
    return {
        (int(node["feature_idx"]), float(node["num_threshold"]))
        for tree in nodes
        for node in tree
        if not node["is_leaf"]
    }


def around_thresholds(fitted: Any) -> pd.DataFrame:
    """Rows of the data with one number at a threshold, or one ulp beside it as float64 or as float32."""
    names = [column.name for column in fitted.table.numbers]
    splits = sorted(
        split for split in thresholds(fitted.fitted.estimator) if split[0] < len(names) and np.isfinite(split[1])
    )
    generator = np.random.default_rng(3)
    feature = np.array([split[0] for split in splits])
    exact = np.array([split[1] for split in splits])
    short = exact.astype(np.float32)
    batches: list[pd.DataFrame] = []
    for values in (
        exact,
        np.nextafter(exact, -np.inf),
        np.nextafter(exact, np.inf),
        np.nextafter(short, np.float32(-np.inf)).astype(np.float64),
        short.astype(np.float64),
        np.nextafter(short, np.float32(np.inf)).astype(np.float64),
    ):
        rows = fitted.frame.iloc[generator.integers(0, len(fitted.frame), len(splits))].reset_index(drop=True)
        for position, name in enumerate(names):
            rows.loc[feature == position, name] = values[feature == position]
        batches.append(rows)
    return pd.concat(batches, ignore_index=True)


def shuffled(fitted: Any) -> pd.DataFrame:
    """Rows that never were: every column drawn on its own, with extremes, gaps and unknown texts among them."""
    generator = np.random.default_rng(4)
    rows = fitted.frame.sample(1000, replace=True, random_state=0).reset_index(drop=True)
    for column in fitted.table.features:
        drawn = rows[column.name].to_numpy()[generator.permutation(len(rows))].copy()
        chance = generator.random(len(rows))
        if column.type == "category":
            drawn[chance < 0.1] = ""
            drawn[chance > 0.95] = "never seen"
        else:
            drawn[chance < 0.05] = 0.0 if column.type == "boolean" else -MAX_MAGNITUDE
            drawn[chance > 0.95] = 1.0 if column.type == "boolean" else MAX_MAGNITUDE
            if column.missing.any():
                drawn[(chance > 0.4) & (chance < 0.5)] = np.nan
        rows[column.name] = pd.Series(drawn)
    return rows


def tables(messy: pd.DataFrame) -> dict[str, tuple[pd.DataFrame, str]]:
    gaps = read_iris()
    gaps.iloc[:, :4] = gaps.iloc[:, :4].mask(np.random.default_rng(5).random((150, 4)) < 0.15)
    bunch: Any = load_diabetes(as_frame=True)
    tumours: Any = load_breast_cancer(as_frame=True)
    return {
        "iris": (read_iris(), "species"),
        "iris with gaps": (gaps, "species"),
        "breast cancer": (tumours.frame, "target"),
        "diabetes": (bunch.frame, "target"),
        "messy, two classes": (messy.drop(columns=["amount", "grade"]), "answer"),
        "messy, four classes": (messy.drop(columns=["amount", "answer"]), "grade"),
        "messy, a quantity": (messy.drop(columns=["answer", "grade"]), "amount"),
    }


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "name",
    [
        "iris",
        "iris with gaps",
        "breast cancer",
        "diabetes",
        "messy, two classes",
        "messy, four classes",
        "messy, a quantity",
    ],
)
def test_the_graph_answers_as_scikit_learn_does(
    name: str, estimator: str, messy: pd.DataFrame, fitted: Callable[..., Any]
) -> None:
    raw, target = tables(messy)[name]
    made = fitted(raw, target, estimator, TREES, ROUNDS)
    assert_equal_answers(made, made.frame)
    if estimator != "linear":
        assert_equal_answers(made, shuffled(made))
        probes = around_thresholds(made)
        assert len(probes) > 100
        assert_equal_answers(made, probes)


def test_the_seeds_forest_of_100_trees_is_equal_to_the_last_bit(fitted: Callable[..., Any]) -> None:
    made = fitted(read_iris(), "species", "random_forest")
    probes = around_thresholds(made)
    assert (run_graph(made, probes)["probabilities"] == made.fitted.probabilities(probes)).all()
    assert (run_trees(made, probes)["probabilities"] == made.fitted.probabilities(probes)).all()


@pytest.mark.parametrize(
    ("estimator", "override"),
    [
        ("random_forest", "train.random_forest.max_depth=1"),
        ("random_forest", "train.random_forest.min_samples_leaf=200"),
        ("random_forest", "train.random_forest.max_leaf_nodes=7"),
        ("random_forest", "train.random_forest.class_weight=balanced"),
        ("random_forest", "train.random_forest.criterion=entropy"),
        ("hist_gradient_boosting", "train.hist_gradient_boosting.min_samples_leaf=150"),
        ("hist_gradient_boosting", "train.hist_gradient_boosting.early_stopping=true"),
        ("hist_gradient_boosting", "train.hist_gradient_boosting.l2_regularization=3.0"),
        ("linear", "train.logistic.C=1e6"),
        ("linear", "train.logistic.fit_intercept=false"),
    ],
)
def test_unusual_parameters_of_classifiers_stay_exact(
    estimator: str, override: str, messy: pd.DataFrame, fitted: Callable[..., Any]
) -> None:
    raw, target = tables(messy)["messy, four classes"]
    made = fitted(raw, target, estimator, TREES, ROUNDS, override)
    assert_equal_answers(made, made.frame)


@pytest.mark.parametrize(
    ("estimator", "override"),
    [
        ("random_forest", "train.random_forest.criterion=absolute_error"),
        ("hist_gradient_boosting", "train.hist_gradient_boosting.loss=poisson"),
        ("hist_gradient_boosting", "train.hist_gradient_boosting.loss=gamma"),
        ("hist_gradient_boosting", "train.hist_gradient_boosting.loss=absolute_error"),
        ("linear", "train.ridge.positive=true"),
    ],
)
def test_unusual_parameters_of_regressors_stay_exact(
    estimator: str, override: str, messy: pd.DataFrame, fitted: Callable[..., Any]
) -> None:
    raw, target = tables(messy)["messy, a quantity"]
    made = fitted(raw, target, estimator, TREES, ROUNDS, override)
    assert_equal_answers(made, made.frame)


@st.composite
def any_table(draw: st.DrawFn) -> pd.DataFrame:
    """A table of 30 rows whose columns, gaps and values hypothesis makes up."""
    numbers = st.one_of(
        st.none(),
        st.sampled_from([0.0, 0.1, 0.2, 0.30000000000000004, 1e-300, -1.0]),
        st.floats(-MAX_MAGNITUDE, MAX_MAGNITUDE),
    )
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "number": numbers,
        "boolean": st.sampled_from([True, False, None]),
        "category": st.sampled_from(["a", "b b", "ç", "0", None]),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=4))
    columns: dict[str, Any] = {}
    for position, kind in enumerate(chosen):
        values = draw(st.lists(kinds[kind], min_size=29, max_size=29))
        columns[f"{kind} {position}"] = pd.Series([*values, {"number": 1.0, "boolean": True, "category": "a"}[kind]])
    columns["y"] = [f"class {row % 3}" for row in range(30)]
    return pd.DataFrame(columns)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(raw=any_table(), estimator=st.sampled_from(ESTIMATORS[:2]))
def test_any_table_that_trees_learn_is_answered_alike(
    raw: pd.DataFrame, estimator: str, fitted: Callable[..., Any]
) -> None:
    made = fitted(
        raw,
        "y",
        estimator,
        "train.random_forest.n_estimators=7",
        "train.hist_gradient_boosting.max_iter=7",
        "train.hist_gradient_boosting.min_samples_leaf=2",
    )
    assert_equal_answers(made, made.frame)
