"""Slices: metrics by the values of a column, and a gate that refuses a model which serves some worse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from tests.training.tables import data_settings
from training.errors import SettingsError
from training.evaluate import evaluate
from training.export.runtime import Answers
from training.pipeline import train
from training.progress import Progress
from training.settings import load_settings
from training.slices import check_slices, measure_slices
from training.table import Table, build_table
from training.train_settings import SliceSettings

ROWS = 80


@pytest.fixture(scope="module")
def unfair() -> pd.DataFrame:
    """What x says of the class holds for one sex and not for the other."""
    generator = np.random.default_rng(6)
    x = generator.normal(size=800)
    sex = np.where(np.arange(800) % 4 == 0, "f", "m")
    noise = generator.random(800) < 0.5
    return pd.DataFrame({"x": x, "sex": sex, "y": np.where((sex == "f") & noise, x < 0, x > 0)})


def sliced(columns: dict[str, Any], *names: str) -> tuple[Table, Answers, Any]:
    frame = pd.DataFrame({"x": np.arange(ROWS), **columns, "y": ["no", "yes"] * (ROWS // 2)})
    read = build_table(frame, data_settings(target="y", aside=list(columns)))
    shares = np.linspace(0, 1, ROWS)
    answers = Answers((shares > 0.5).astype(int), np.stack([1 - shares, shares], axis=1))
    settings = SliceSettings(columns=list(names), rows=10, gap=0.1)
    check_slices(read, settings)
    return read, answers, measure_slices(read, np.arange(ROWS), answers, None, settings)


def test_each_value_has_the_metrics_of_its_rows_and_gaps_come_last() -> None:
    towns = ["Bern"] * 30 + ["Basel"] * 30 + [None] * 20
    read, answers, found = sliced({"town": towns}, "town")
    assert [(part.value, part.rows) for part in found] == [("Basel", 30), ("Bern", 30), ("(missing)", 20)]
    assert answers.probabilities is not None
    rows = slice(30, 60)
    expected = evaluate(Answers(answers.predictions[rows], answers.probabilities[rows]), read.target[rows], 2)
    assert found[0].metrics == expected


def test_few_numbers_are_told_one_by_one_and_many_in_quarters() -> None:
    _, _, found = sliced({"rooms": [1, 2, 3, 4] * 20, "income": np.arange(ROWS) * 10.0}, "rooms", "income")
    assert [part.value for part in found] == [
        *"1234", "at most 197.5", "197.5 to 395", "395 to 592.5", "above 592.5"
    ]  # fmt: skip
    assert [part.rows for part in found] == [20] * 8


def test_booleans_are_told_by_their_words() -> None:
    _, _, found = sliced({"member": [True, False] * 40}, "member")
    assert [part.value for part in found] == ["false", "true"]


@pytest.mark.parametrize(
    ("columns", "name", "words"),
    [
        ({"town": ["Bern"] * ROWS}, "twon", "slices.columns twon: no such column; did you mean 'town'"),
        ({"town": [f"t{n}" for n in range(ROWS)]}, "town", "80 distinct texts, more than 50"),
    ],
)
def test_columns_that_cannot_be_sliced_by_are_refused(columns: Any, name: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        sliced(columns, name)


def trained(table: pd.DataFrame, folder: Path, *overrides: str) -> Any:
    file = folder / "unfair.csv"
    table.to_csv(file, index=False)
    settings = load_settings(
        None,
        {"data.source": str(file), "data.target": "y", "train.estimator": "linear"},
        ["data.aside=['sex']", "validation.mode=never", "registry.enabled=false", *overrides],
    )
    return train(settings, "unfair", folder / "artifacts", Progress(Console(quiet=True)))


def test_a_model_that_serves_some_much_worse_is_refused_by_name(unfair: pd.DataFrame, tmp_path: Path) -> None:
    outcome = trained(unfair, tmp_path, "slices.columns=['sex']")
    assert [feature.name for feature in outcome.manifest.features] == ["x"]
    [reason] = outcome.gate.reasons
    assert reason.startswith("balanced_accuracy 0.")
    assert "held-out rows with sex f, against" in reason
    slices = outcome.manifest.slices
    assert not isinstance(slices, msgspec.UnsetType)
    assert [(part.column, part.value) for part in slices] == [("sex", "f"), ("sex", "m")]
    page = (outcome.directory / "report.html").read_text(encoding="utf-8")
    assert ">By sex</h2>" in page


@pytest.mark.parametrize("override", ["slices.gap=0.6", "slices.rows=400"])
def test_a_wider_gap_or_few_rows_let_it_pass(unfair: pd.DataFrame, tmp_path: Path, override: str) -> None:
    assert trained(unfair, tmp_path, "slices.columns=['sex']", override).gate.reasons == []


def test_without_slices_nothing_is_written_of_them(unfair: pd.DataFrame, tmp_path: Path) -> None:
    outcome = trained(unfair, tmp_path)
    assert b'"slices"' not in (outcome.directory / "manifest.json").read_bytes()
    assert "By sex" not in (outcome.directory / "report.html").read_text(encoding="utf-8")
