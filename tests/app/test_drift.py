"""Drift: live rows counted into training's bins, and what that says of the population stability index."""

from __future__ import annotations

import math
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from scipy.stats import entropy

from app.artifact import ArtifactError, Distribution, Manifest, load, resolve
from app.bins import BinCollector, Layout
from app.tally import Tally
from tests.app.models import FLOWER, LOAN
from tests.app.service import Start
from training.columns import parse_column
from training.distributions import describe_feature, number_distribution

ROWS = 2_000
Shares = dict[str, dict[str, float]]


def table(seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Rows of every kind of feature, of rounded and of skewed numbers, with gaps and with many categories."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": random.normal(40 + 10 * shift, 10, ROWS).round(),
            "income": np.where(random.random(ROWS) < 0.1 + 0.2 * shift, np.nan, random.lognormal(shift, 1, ROWS)),
            "member": random.random(ROWS) < 0.3 + 0.3 * shift,
            "town": random.choice([f"town {index}" for index in range(40)], ROWS, p=zipf(40, 1 + shift)),
            "work": random.choice(["other", "missing", "employed"], ROWS, p=[0.2, 0.3, 0.5]),
        }
    )
    frame.loc[random.random(ROWS) < 0.05, "work"] = None
    return frame


def zipf(count: int, power: float) -> Any:
    weights = 1 / np.arange(1, count + 1) ** power
    return weights / weights.sum()


def manifest_of(base: Manifest, frame: pd.DataFrame, answers: np.ndarray) -> Manifest:
    """The manifest that a training on ``frame`` would have written."""
    features = [describe_feature(parse_column(str(name), frame[name]), np.arange(ROWS)) for name in frame]
    predictions = number_distribution(answers)
    return msgspec.structs.replace(base, features=features, predictions=predictions, classes=[])


def rows_of(manifest: Manifest, frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """``frame`` as decoded rows: in the graph's order, None for a gap."""
    ordered = frame[[feature.name for feature in [*manifest.numbers, *manifest.texts]]]
    return list(ordered.astype(object).where(ordered.notna(), None).itertuples(index=False, name=None))


def feed_of(manifest: Manifest, frame: pd.DataFrame) -> dict[str, Any]:
    """``frame`` as the graph's inputs."""
    numbers = frame[[feature.name for feature in manifest.numbers]].astype(float).to_numpy()
    texts = frame[[feature.name for feature in manifest.texts]].astype(object).fillna("").to_numpy()
    return {"numbers": numbers, "texts": texts}


def shares(layout: Layout, tally: Tally) -> tuple[Shares, Shares]:
    """Live and expected shares by variable and bin, as a scrape gives them; the predictions' variable is ``""``."""
    registry = CollectorRegistry()
    registry.register(BinCollector(layout, tally.read))
    live, expected = defaultdict[str, dict[str, float]](dict), defaultdict[str, dict[str, float]](dict)
    for family in registry.collect():
        for sample in family.samples:
            if "bin" in sample.labels:
                found = expected if family.name.endswith("_expected") else live
                found[sample.labels.get("feature", "")][sample.labels["bin"]] = sample.value
    for bins in live.values():
        total = sum(bins.values())
        assert total == ROWS
        bins.update({label: count / total for label, count in bins.items()})
    return live, expected


def psi(live: dict[str, float], expected: dict[str, float]) -> float:
    """The index by its definition (docs/metrics.md), shares clamped as there."""
    pairs = [(max(live[label], 1e-4), max(share, 1e-4)) for label, share in expected.items()]
    return sum((a - e) * math.log(a / e) for a, e in pairs)


@pytest.mark.parametrize("batched", [True, False], ids=["as a batch", "row by row"])
def test_the_training_rows_themselves_show_no_drift(loans: Path, batched: bool) -> None:
    frame, answers = table(1), np.random.default_rng(2).normal(size=ROWS)
    manifest = manifest_of(load(loans).manifest, frame, answers)
    layout = Layout(manifest, 50)
    tally = Tally(layout, manifest)
    if batched:
        tally.count_batch(feed_of(manifest, frame), answers)
    else:
        for row, answer in zip(rows_of(manifest, frame), answers.tolist(), strict=True):
            tally.count_row(row, answer)
    live, expected = shares(layout, tally)
    assert live.keys() == expected.keys() == {"", *frame.columns}
    for name in live:
        assert live[name] == expected[name]
        assert sum(expected[name].values()) == pytest.approx(1)
        assert psi(live[name], expected[name]) == 0


def test_rows_and_batches_are_counted_alike_and_drift_is_what_the_reference_says(loans: Path) -> None:
    trained, answers = table(1), np.random.default_rng(2).normal(size=ROWS)
    manifest = manifest_of(load(loans).manifest, trained, answers)
    layout = Layout(manifest, 50)
    one, many = Tally(layout, manifest), Tally(layout, manifest)
    drifted = table(3, shift=0.5)
    many.count_batch(feed_of(manifest, drifted), answers + 1)
    for row, answer in zip(rows_of(manifest, drifted), (answers + 1).tolist(), strict=True):
        one.count_row(row, answer)
    assert one.read() == many.read()
    live, expected = shares(layout, many)
    for name in live:
        a, e = ([max(found[name][label], 1e-4) for label in expected[name]] for found in (live, expected))
        a, e = np.array(a) / sum(a), np.array(e) / sum(e)
        reference = entropy(a, e) + entropy(e, a)  # Jeffreys divergence
        assert psi(live[name], expected[name]) == pytest.approx(reference, rel=1e-2)
    assert psi(live["age"], expected["age"]) > 0.1 > psi(live["work"], expected["work"])


def test_many_categories_are_folded_and_namesakes_joined(loans: Path) -> None:
    frame = table(1)
    manifest = manifest_of(load(loans).manifest, frame, np.zeros(ROWS))
    layout = Layout(manifest, 50)
    tally = Tally(layout, manifest)
    tally.count_batch(feed_of(manifest, frame), np.zeros(ROWS))
    _, expected = shares(layout, tally)
    assert len(expected["town"]) == 20
    assert "town 0" in expected["town"]
    assert expected["town"]["other"] == pytest.approx(frame["town"].map(lambda t: t not in expected["town"]).mean())
    gaps = frame["work"].isna() | (frame["work"] == "missing")
    assert expected["work"]["missing"] == pytest.approx(gaps.mean())


def test_no_more_features_are_counted_than_asked_for(loans: Path) -> None:
    manifest = load(loans).manifest
    assert [bins.name for bins in Layout(manifest, 2).features] == ["age", "region"]
    assert Layout(manifest, 0).features == []


def test_a_model_without_counts_expects_nothing_and_is_counted_all_the_same(flowers: Path) -> None:
    base = load(flowers).manifest
    nothing = Distribution(edges=[], counts=[])
    features = [msgspec.structs.replace(feature, distribution=nothing) for feature in base.features]
    manifest = msgspec.structs.replace(base, features=features, predictions=nothing)
    layout = Layout(manifest, 50)
    tally = Tally(layout, manifest)
    for _ in range(ROWS):
        tally.count_row((1.0, 2.0, 3.0, 4.0), 2)
    live, expected = shares(layout, tally)
    assert live[""] == {"setosa": 0, "versicolor": 0, "virginica": 1}
    assert not expected


def test_a_distribution_that_does_not_fit_is_refused_by_its_name(flowers: Path) -> None:
    base = load(flowers).manifest
    bad = msgspec.structs.replace(base.features[0], distribution=Distribution(edges=[1.0, 2.0], counts=[1, 2]))
    with pytest.raises(ArtifactError, match="'sepal length \\(cm\\)' does not fit its 3 bins"):
        Layout(msgspec.structs.replace(base, features=[bad]), 50)


def test_edges_that_differ_in_their_last_digits_keep_bins_of_their_own(prices: Path) -> None:
    base = load(prices).manifest
    edges = [0.1, 0.1 + 2e-17 * 8, 0.30000000000000004]
    manifest = msgspec.structs.replace(base, predictions=Distribution(sorted(set(edges)), [1] * (len(set(edges)) + 1)))
    labels = Layout(manifest, 0).predictions.labels
    assert len(set(labels)) == len(labels) == len(set(edges)) + 1


def test_two_workers_count_every_row_of_every_client_exactly_once(start_service: Start, loans: Path) -> None:
    service = start_service(loans, WORKERS=2)
    batch = {"instances": [LOAN, LOAN | {"age": 3, "income": None, "region": "süd"}]}

    def ask(count: int) -> int:
        for _ in range(count):
            assert service.client.post("/predict", json=LOAN).status_code == 200
            assert service.client.post("/predict/batch", json=batch).status_code == 200
            assert service.client.post("/predict", json=LOAN | {"region": "west"}).status_code == 422
        return count

    with ThreadPoolExecutor(4) as pool:
        rounds = sum(pool.map(ask, [25] * 4))
    families = {f.name: f for f in text_string_to_metric_families(service.client.get("/metrics").text)}
    counted: dict[tuple[str, str], float] = {}
    for sample in families["model_feature_bin"].samples:
        assert sample.labels["version"] == resolve(loans).name
        counted[sample.labels["feature"], sample.labels["bin"]] = sample.value
    assert counted["age", "(8,+inf]"] == 2 * rounds
    assert counted["age", "(2,4]"] == rounds
    assert counted["region", "east"] == 2 * rounds
    assert counted["region", "süd"] == rounds
    assert counted["income", "missing"] == rounds
    assert counted["owns_home", "true"] == counted["guarantor", "missing"] == 3 * rounds
    for name in ("age", "region", "income", "owns_home", "employment", "guarantor"):
        assert sum(count for (feature, _), count in counted.items() if feature == name) == 3 * rounds
    assert sum(sample.value for sample in families["model_prediction_bin"].samples) == 3 * rounds
    assert families["model_prediction_rows"].samples[0].value == 3 * rounds


def test_bins_are_scraped_with_their_expected_shares_and_version(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers, DRIFT_FEATURES=1)
    service.client.post("/predict", json=FLOWER)
    metrics = service.metrics()
    version = resolve(flowers).name
    name = "sepal length (cm)"
    assert metrics[f'model_feature_bin_total{{bin="(4,6]",feature="{name}",version="{version}"}}'] == 1
    assert metrics[f'model_feature_bin_expected{{bin="(4,6]",feature="{name}",version="{version}"}}'] == 0.3
    assert len([sample for sample in metrics if sample.startswith("model_feature_bin_total")]) == 5
    assert metrics["model_prediction_rows_total"] == 1
