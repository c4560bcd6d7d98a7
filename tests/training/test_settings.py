"""Settings: layers, types and errors that name the key, the value and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.errors import SettingsError
from training.settings import load_settings


def error_of(*overrides: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, {}, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_defaults_describe_a_random_forest_of_100_trees_on_iris() -> None:
    settings = load_settings(None, {}, [])
    assert (settings.data.source, settings.data.target) == ("iris", "species")
    assert settings.train.estimator == "random_forest"
    assert settings.train.random_forest["n_estimators"] == 100


def test_a_file_overrides_the_defaults_options_the_file_and_set_the_options(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[split]\nseed = 1\ntest_size = 0.5\n[train]\nestimator = 'linear'\n")
    settings = load_settings(file, {"split.seed": 2, "train.estimator": "random_forest"}, ["split.seed=3"])
    assert (settings.split.test_size, settings.split.seed) == (0.5, 3)
    assert settings.train.estimator == "random_forest"
    assert settings.split.stratify is True


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.random_forest.max_depth=3", 3),
        ("train.random_forest.max_depth=0.5", 0.5),
        ("train.random_forest.max_depth=[1, 2]", [1, 2]),
        ("train.random_forest.max_depth=sqrt", "sqrt"),
        ("train.random_forest.max_depth='sqrt'", "sqrt"),
        ("train.random_forest.max_depth=a = b", "a = b"),
    ],
)
def test_set_takes_toml_values_and_text_without_quotes(override: str, expected: object) -> None:
    assert load_settings(None, {}, [override]).train.random_forest["max_depth"] == expected


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("split.test_size=1.5", ["split.test_size", "1.5", "< 1"]),
        ("split.seed=x", ["split.seed", '"x"', "int"]),
        ("split.sed=1", ["split.sed", "no such key", "'seed'"]),
        ("sprit.seed=1", ["sprit", "no such key", "'split'"]),
        ("train.estimator=forest", ["train.estimator", '"forest"', "random_forest"]),
        ("train.costs.yes.no=inf", ["train.costs.yes.no", "1000000000"]),
        ("train.costs={yes = 5}", ["train.costs.yes", "5", "object"]),
        ("search.logistic.C=4", ["search.logistic.C", "4", "array"]),
        ("gate.regression.metric=r3", ["gate.regression.metric", '"r3"', "rmse"]),
        (
            "gate.classification.at_least.acuracy=1",
            ["gate.classification.at_least.acuracy", "no such key", "'accuracy'"],
        ),
        ("gate.models.iris.at_lest.accuracy=1", ["gate.models.iris.at_lest", "no such key", "'at_least'"]),
        ("data.ignore=[1]", ["data.ignore", "str"]),
        ("data.target=''", ["data.target", '""', "length >= 1"]),
        ("split=3", ["--set split=3", "section.key=value"]),
        ("seed", ["--set seed", "section.key=value"]),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_what_is_expected(override: str, words: list[str]) -> None:
    message = error_of(override)
    assert [word for word in words if word not in message] == []


def test_a_settings_file_that_is_not_there_or_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: No such file"):
        load_settings(tmp_path / "none.toml", {}, [])
    (tmp_path / "bad.toml").write_text("[split\nseed = 1")
    with pytest.raises(SettingsError, match=r"bad\.toml: not TOML .*line 1"):
        load_settings(tmp_path / "bad.toml", {}, [])


def test_the_gate_and_the_place_of_the_data_do_not_shape_a_model() -> None:
    plain = load_settings(None, {}, [])
    other = load_settings(
        None, {"data.source": "elsewhere.csv"}, ["gate.classification.over_baseline=0.3", "data.max_categories=9"]
    )
    assert plain.shaping("classification") == other.shaping("classification")


def test_settings_of_estimators_that_are_not_used_do_not_shape_a_model() -> None:
    plain = load_settings(None, {}, [])
    other = load_settings(None, {}, ["train.ridge.alpha=2.0"])
    assert plain.shaping("classification") == other.shaping("classification")
    assert plain.shaping("regression") == other.shaping("regression")
