"""The example of docs/training.md, as it stands there, on data like those it speaks of."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from training.pipeline import train
from training.progress import Progress
from training.settings import load_settings

PAGE = Path(__file__).parents[2] / "docs" / "training.md"
QUICK = ["search.candidates=2", "train.folds=3", "train.hist_gradient_boosting.max_iter=10", "registry.enabled=false"]


@pytest.mark.timeout(300)
def test_the_example_trains_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    monkeypatch.chdir(tmp_path)
    Path("credit.toml").write_text(block[1], encoding="utf-8")
    generator = np.random.default_rng(8)
    rows = 600
    income, age = generator.lognormal(10, 0.5, rows), generator.integers(18, 80, rows)
    score = np.log(income) + age / 50 + generator.normal(0, 0.3, rows)
    pd.DataFrame(
        {
            "customer": [f"k{number}" for number in generator.integers(0, 150, rows)],
            "region": generator.choice(["north", "south"], rows),
            "income": income,
            "age": age,
            "outcome": np.where(score < np.quantile(score, 0.3), "default", "repaid"),
        }
    ).to_parquet("credit.parquet")
    settings = load_settings(Path("credit.toml"), {}, [*QUICK, "slices.gap=1"])
    outcome = train(settings, "credit", tmp_path / "artifacts", Progress(Console(quiet=True)))
    assert outcome.gate.reasons == []
    assert [feature.name for feature in outcome.manifest.features] == ["income", "age"]
    assert set(outcome.manifest.metrics) >= {"cost", "log_loss"}
    assert not isinstance(outcome.manifest.search, msgspec.UnsetType)
    assert not isinstance(outcome.manifest.folds, msgspec.UnsetType)
    slices = outcome.manifest.slices
    assert not isinstance(slices, msgspec.UnsetType)
    assert {part.column for part in slices} == {"region", "age"}
    # What is cheap to answer: with such costs hardly anybody who defaults is told to repay.
    counts = outcome.manifest.predictions.counts
    assert counts[0] > 0.3 * sum(counts)
