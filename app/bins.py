"""The bins that predicted rows are counted into: training's own, as they are named and compared in a scrape.

Every variable, feature or prediction, owns a run of cells in one array: a cell per interval, category or class in the
manifest's order, then one for gaps where the feature may have them. Cells of the same label are one bin outside: the
rarest of many categories share ``other``, and a category that is really called ``missing`` joins the gaps.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.artifact import MANIFEST, ArtifactError, Distribution, Feature, Manifest
from app.schema import class_name

MOST_LABELS = 20  # categories or classes with a bin of their own
LONGEST_LABEL = 64  # characters; texts that agree in all of them share a bin
MISSING = "missing"
OTHER = "other"


class Bins(msgspec.Struct, frozen=True):
    """The cells of one variable, beginning at ``start``, and the label of each.

    ``edges`` are the inner cut points: a number belongs to the first cell whose edge is not below it. Booleans and
    classes are numbers too (0, 1, …); categories have no edges. ``counts`` are training's, empty where it took none.
    """

    name: str
    start: int
    edges: list[float]
    labels: list[str]
    counts: list[int]

    @property
    def end(self) -> int:
        """Where the next variable's cells begin."""
        return self.start + len(self.labels)

    def by_label(self, cells: Sequence[int]) -> dict[str, int]:
        """The counts of ``cells``, which are this variable's own, by label."""
        found: dict[str, int] = defaultdict(int)
        for label, count in zip(self.labels, cells, strict=True):
            found[label] += count
        return found

    def expected(self) -> dict[str, float]:
        """The share of each bin in the training rows; empty where training took no counts."""
        total = sum(self.counts)
        return {label: count / total for label, count in self.by_label(self.counts).items()} if total else {}


class Layout:
    """Where each variable of a model is counted; ``most_features`` are counted, the manifest's first."""

    def __init__(self, manifest: Manifest, most_features: int) -> None:
        """Lay the cells out; raises ArtifactError where a distribution of ``manifest`` has not one count per bin."""
        self.version = manifest.version
        self.classes = [class_name(value) for value in manifest.classes]
        self.predictions = _prediction_bins(manifest)
        self.features: list[Bins] = []
        self.cells = self.predictions.end
        for feature in manifest.features[:most_features]:
            self.features.append(_feature_bins(feature, self.cells))
            self.cells = self.features[-1].end


class BinCollector(Collector):
    """Exposes the cells that ``read`` returns, and what training leads to expect of them."""

    def __init__(self, layout: Layout, read: Callable[[], Sequence[int]]) -> None:
        self._layout = layout
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Rows, classes and bins, all from one reading: each row is in exactly one bin of every variable."""
        layout, cells = self._layout, self._read()
        predictions = layout.predictions
        answered = cells[predictions.start : predictions.end]
        yield CounterMetricFamily("model_prediction_rows", "Rows predicted.", value=sum(answered))
        if layout.classes:
            classes = CounterMetricFamily("model_predictions", "Rows predicted, by class.", labels=["version", "class"])
            for name, count in zip(layout.classes, answered, strict=True):
                classes.add_metric([layout.version, name], count)
            yield classes
        yield from _families("model_prediction_bin", "predictions", layout.version, {(): predictions}, cells)
        features = {(bins.name,): bins for bins in layout.features}
        if features:
            yield from _families("model_feature_bin", "values of a feature", layout.version, features, cells)


def _families(
    name: str, what: str, version: str, variables: Mapping[tuple[str, ...], Bins], cells: Sequence[int]
) -> Iterator[Metric]:
    """The counter ``name`` and the gauge of expected shares for ``variables``, keyed by their own label if any."""
    own = ["feature"] if all(variables) else []
    labels = ["version", *own, "bin"]
    counted = CounterMetricFamily(name, f"Rows predicted, by training's bins of the {what}.", labels=labels)
    expected = GaugeMetricFamily(f"{name}_expected", f"Share of a bin of the {what} in training.", labels=labels)
    for key, bins in variables.items():
        for label, count in bins.by_label(cells[bins.start : bins.end]).items():
            counted.add_metric([version, *key, label], count)
        for label, share in bins.expected().items():
            expected.add_metric([version, *key, label], share)
    yield counted
    yield expected


def _feature_bins(feature: Feature, start: int) -> Bins:
    """The cells of ``feature``, from ``start``."""
    distribution = feature.distribution
    if feature.type == "number":
        edges, labels = distribution.edges, _intervals(distribution.edges)
    elif feature.type == "boolean":
        edges, labels = [0.0], ["false", "true"]
    else:
        edges, labels = [], _folded(feature.categories, distribution.counts)
    counts = _checked(distribution, edges, len(labels), f"the feature '{feature.name}'")
    if feature.nullable:
        labels = [*labels, MISSING]
        counts = [*counts, distribution.missing] if counts else []
    return Bins(feature.name, start, edges, labels, counts)


def _prediction_bins(manifest: Manifest) -> Bins:
    """The first cells: one per class, or per interval of a regression's answers."""
    distribution = manifest.predictions
    if manifest.classes:
        edges = [float(index) for index in range(len(manifest.classes) - 1)]
        labels = _folded([class_name(value) for value in manifest.classes], distribution.counts)
    else:
        edges, labels = distribution.edges, _intervals(distribution.edges)
    return Bins("", 0, edges, labels, _checked(distribution, edges, len(labels), "the predictions"))


def _checked(distribution: Distribution, edges: list[float], bins: int, what: str) -> list[int]:
    """The counts of ``distribution``, none or one per bin, between ascending edges."""
    if len(distribution.counts) not in (0, bins) or edges != sorted(set(edges)):
        raise ArtifactError(f"{MANIFEST}: the distribution of {what} does not fit its {bins} bins; train again")
    return distribution.counts


def _intervals(edges: list[float]) -> list[str]:
    """The names of the bins between ``edges``, in as few digits as keep the edges apart."""
    digits = 4
    while len({f"{edge:.{digits}g}" for edge in edges}) < len(edges):
        digits += 1  # 17 tell all floats apart
    shown = [f"{edge:.{digits}g}" for edge in edges]
    bounds = ["-inf", *shown, "+inf"]
    return [f"({low},{high}]" for low, high in itertools.pairwise(bounds)]


def _folded(texts: list[str], counts: list[int]) -> list[str]:
    """A label per text; beyond `MOST_LABELS` the rarest in training share one."""
    if len(texts) <= MOST_LABELS:
        return [text[:LONGEST_LABEL] for text in texts]
    by_count = sorted(zip(counts, texts, strict=False), key=lambda pair: -pair[0])
    kept = {text for _, text in by_count[: MOST_LABELS - 1]}
    return [text[:LONGEST_LABEL] if text in kept else OTHER for text in texts]
