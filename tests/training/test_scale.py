"""What a training takes of memory, and that the ways that spare it change nothing of what is learnt."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from bench.scale import rows
from bench.scale.training import run as run_training
from tests.training.tables import data_settings, ingest
from training import learning, pipeline, table
from training.estimators import build_pipeline, fit_model
from training.export import prove, runtime
from training.export.convert import convert
from training.export.runtime import Answers
from training.fitted import Fitted
from training.progress import Progress
from training.settings import load_settings
from training.split import split_rows
from training.table import build_table
from training.validate import check, repeats, suite

ESTIMATORS = ["random_forest", "hist_gradient_boosting", "linear"]
SMALL = ["train.random_forest.n_estimators=5", "train.hist_gradient_boosting.max_iter=5"]


def made(count: int, seed: int = 0) -> pd.DataFrame:
    """Float32 numbers with gaps, a boolean, a text, and a target y of two classes."""
    generator = np.random.default_rng(seed)
    numbers = generator.standard_normal((count, 4)).astype(np.float32)
    frame = pd.DataFrame(numbers, columns=list("abcd"))
    frame.loc[generator.random(count) < 0.1, "b"] = np.nan
    frame["paid"] = generator.random(count) < 0.5
    frame["town"] = generator.choice(["Bern", "Zürich", "Basel"], count)
    score = numbers[:, 0] + (frame["town"] == "Bern") + 0.3 * generator.standard_normal(count)
    return frame.assign(y=np.where(score > 0, "yes", "no"))


@pytest.mark.timeout(300)
def test_a_training_takes_eight_times_the_memory_of_its_data_at_most(tmp_path: Path) -> None:
    # Of these, boosting's sample of 200,000 rows takes two here, and next to nothing of millions.
    peaks: list[int] = []
    counts = (10_000, 300_000)
    for count in counts:
        file = tmp_path / f"{count}.parquet"
        rows.write(count, file)
        (tmp_path / str(count)).mkdir()
        changes = {"train.hist_gradient_boosting.max_iter": 3}
        peaks.append(run_training(count, file, tmp_path / str(count), validated=False, **changes).peak)
    assert peaks[1] - peaks[0] < 8 * (rows.size(counts[1]) - rows.size(counts[0]))


@contextmanager
def allocated() -> Generator[list[int]]:
    """The bytes that Python and NumPy had allocated at the peak, beyond what was there before."""
    found: list[int] = []
    tracemalloc.start()
    try:
        yield found
        found.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


@pytest.mark.timeout(300)
def test_a_validation_takes_twice_the_memory_of_its_data_at_most(tmp_path: Path) -> None:
    from training.validate.run import run

    rows.write(50_000, tmp_path / "table.parquet")
    read = build_table(ingest(tmp_path / "table.parquet", target=rows.TARGET).frame, data_settings(target=rows.TARGET))
    settings = load_settings(None, {}, [])
    held_out = split_rows(read, settings.split)[1]
    with allocated() as peak:
        frame, repeated, taught = check.checked(read, held_out)
        made_suite = suite.make(read, repeated, taught, settings.validation)
        few = made_suite["expectations"][:12]  # on the table as a whole and on some columns: the others take no more
        run(frame, {**made_suite, "expectations": few}, Path("scale.json"))
    assert peak[0] < 2 * rows.size(50_000)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_numbers_stored_in_half_the_width_give_the_same_version(
    estimator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def render(*_: object) -> bytes:
        return b""

    monkeypatch.setattr(pipeline, "render_report", render)
    narrow = made(300)
    wide = narrow.astype(dict.fromkeys("abcd", np.float64))
    versions: list[str] = []
    for name, frame in (("narrow", narrow), ("wide", wide)):
        (tmp_path / name).mkdir()
        frame.to_parquet(tmp_path / name / "table.parquet")
        source = str(tmp_path / name / "table.parquet")
        options = {"data.source": source, "data.target": "y", "train.estimator": estimator}
        settings = load_settings(None, options, [*SMALL, "validation.mode=never"])
        done = pipeline.train(settings, "t", tmp_path / name / "artifacts", Progress(Console(quiet=True)))
        versions.append(done.manifest.version)
    assert versions[0] == versions[1]


def test_columns_are_narrow_only_where_that_is_exact() -> None:
    values = {"short": [0.5, np.nan, 3.0] * 8, "long": [0.1, 2.0, 3.0] * 8, "count": [2**24 + 1, 2, 3] * 8}
    read = build_table(pd.DataFrame({**values, "y": ["a", "b"] * 12}), data_settings())
    assert {column.name: column.values.dtype.name for column in read.numbers} == {
        "short": "float32",
        "long": "float64",
        "count": "float64",
    }


def test_a_fingerprint_does_not_depend_on_how_much_is_hashed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = build_table(made(100), data_settings()).fingerprint
    monkeypatch.setattr(table, "_HASHED", 7)
    assert build_table(made(100), data_settings()).fingerprint == whole


def test_the_frame_of_a_table_shares_its_memory_and_cannot_be_written_to() -> None:
    read = build_table(made(100), data_settings())
    frame = read.frame()
    assert all(np.shares_memory(frame[column.name].to_numpy(), column.values) for column in read.features)
    with pytest.raises(ValueError, match="read-only"):
        frame.loc[0, "a"] = 1.0


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("count", [500, 10_500, 12_500])  # boosting stops early above 10,000 rows
def test_a_pipeline_learns_what_its_own_fit_would(
    estimator: str, count: int, weights: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "BATCH", 1000)
    overrides = [*SMALL, "train.hist_gradient_boosting.max_iter=30", "train.hist_gradient_boosting.n_iter_no_change=2"]
    if weights:
        table_name = "logistic" if estimator == "linear" else estimator
        overrides.append(f"train.{table_name}.class_weight=balanced")
    settings = load_settings(None, {"data.target": "y", "train.estimator": estimator}, overrides)
    read = build_table(made(count), settings.data)
    chosen = np.random.default_rng(1).permutation(count)
    spared, _ = fit_model(read, chosen, settings.train, settings.split)
    usual = build_pipeline(read, settings.train, settings.split.seed)
    usual.fit(read.frame().iloc[chosen], read.target[chosen])
    assert convert(spared, read) == convert(Fitted(usual), read)


def test_answers_in_batches_are_the_answers_to_all_rows(
    fitted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = fitted(made(300), "y", "hist_gradient_boosting", *SMALL)
    chosen = np.random.default_rng(2).permutation(300)[:100]
    whole: Answers = done.model.predict(done.table.frame().iloc[chosen])
    monkeypatch.setattr(runtime, "BATCH", 7)
    parts = runtime.answer(done.model, done.table.frame(), chosen)
    assert np.array_equal(whole.predictions, parts.predictions)
    assert whole.probabilities is not None
    assert parts.probabilities is not None
    assert np.array_equal(whole.probabilities, parts.probabilities)


@pytest.mark.parametrize("estimator", ["random_forest", "hist_gradient_boosting"])
def test_the_proof_tries_every_threshold_however_few_rows_it_looks_at_a_time(
    estimator: str, fitted: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = fitted(made(300), "y", estimator, *SMALL)
    tried = prove.prove(done.fitted, done.model, done.table)
    monkeypatch.setattr(prove, "LOOKED_AT", 40)
    assert prove.prove(done.fitted, done.model, done.table) == tried


ODD = pd.DataFrame(
    {
        "number": [0.0, -0.0, np.nan, np.nan, 1.5, 1.5, 2.0, 3.0],
        "text": ["a", "a", None, None, "b", "c", "", "a"],
        "truth": pd.Series([True, True, None, None, False, False, True, None], dtype=object),
    }
)


@pytest.mark.parametrize("hashes_collide", [False, True])
def test_rows_repeat_where_their_values_are_equal(hashes_collide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(series: pd.Series) -> np.ndarray:
        return np.zeros(len(series), dtype=np.uint64)

    if hashes_collide:
        monkeypatch.setattr(repeats, "_hash", nothing)
    assert repeats.repeated(ODD).tolist() == ODD.duplicated(keep=False).tolist()
    assert repeats.repeated(ODD).sum() == 4
    held_out = np.array([True, False, True, True, True, False, False, True])
    assert repeats.taught(ODD, held_out).tolist() == [True, False, False, False, False]
