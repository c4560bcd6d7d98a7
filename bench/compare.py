"""Figures against figures: every ratio that the page gives, so that page and plots agree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from bench.results import Curve, Figure, Footprint, Results
from bench.servers import SEED, SERVICE

USUAL = 16
BARE = "bare ASGI + ONNX Runtime, uvicorn"
TUNED = "ONNX Runtime"


def find(
    results: Results, server: str, rows: int, connections: int = USUAL, form: str = "JSON", model: str = "iris"
) -> Figure | None:
    """The figure of one cell, None where it was not measured."""
    wanted = (server, rows, connections, form, model)
    for one in results.figures:
        if (one.server, one.rows, one.connections, one.form, one.model) == wanted:
            return one
    return None


def ratio(one: Figure | None, base: Figure | None) -> float | None:
    """How many times the rate of ``base``; None where either was not measured."""
    return one.rate / base.rate if one and base and base.rate else None


def to_seed(results: Results, one: Figure) -> float | None:
    """How many times the seed's rate with the same model, rows and connections, as JSON."""
    return ratio(one, find(results, SEED, one.rows, one.connections, model=one.model))


def sizes(figures: Iterable[Figure]) -> list[int]:
    """The numbers of rows to a request that were measured."""
    return sorted({figure.rows for figure in figures})


@dataclass(frozen=True)
class Aim:
    """An aim and what was reached; ``reached`` is None where it was not measured, ``least`` whether more is better."""

    what: str
    goal: float
    reached: float | None
    least: bool = True

    @property
    def verdict(self) -> str:
        """Met, missed or not measured."""
        if self.reached is None:
            return "not measured"
        met = self.reached >= self.goal if self.least else self.reached <= self.goal
        return "met" if met else "missed"


def aims(results: Results) -> list[Aim]:
    """What the service sets out to reach. Ratios, except for the start's seconds and the memory's MB."""

    def against_bare(rows: int, form: str = "JSON") -> float | None:
        return ratio(find(results, SERVICE, rows, form=form), find(results, BARE, rows))

    def large(rows: int) -> float | None:
        return ratio(find(results, SERVICE, rows, model="large"), find(results, SEED, rows, model="large"))

    tuned = [one for one in results.figures if one.kind == "peer" and one.server.endswith(TUNED)]
    best = max(
        (one for one in tuned if (one.rows, one.connections) == (1, USUAL)), key=lambda one: one.rate, default=None
    )
    print_of = next((one for one in results.footprints if (one.server, one.model) == (SERVICE, "iris")), None)
    return [
        Aim("one row: of bare ASGI with the same decoding, validation and inference", 0.9, against_bare(1)),
        Aim("one row: times the best tuned peer", 8, ratio(find(results, SERVICE, 1), best)),
        Aim("1,000 rows as JSON: times bare ASGI with ONNX Runtime", 2.5, against_bare(1000)),
        Aim("1,000 rows as Arrow: times bare ASGI with ONNX Runtime (JSON)", 5, against_bare(1000, "Arrow")),
        Aim("large forest, 1,000 rows: times the seed's design (scikit-learn)", 1, large(1000)),
        *(
            Aim(
                f"overload, {one.model}, {one.rows:,} rows: least goodput from 2 × on, of the peak",
                0.9,
                least_goodput(one),
            )
            for one in results.curves
            if one.server == SERVICE
        ),
        Aim("start to the first 200 (s)", 1, median(print_of.cold_starts) if print_of else None, least=False),
        Aim("resident memory after start (MB)", 100, print_of.started_mb if print_of else None, least=False),
    ]


def least_goodput(curve: Curve) -> float | None:
    """The least share of the peak that was kept from 2 × on; the peak is the best stage's, or the closed loop's."""
    beyond = [one.good for one in curve.points if one.multiple >= 2]
    return min(beyond) / peak(curve) if beyond and peak(curve) else None


def peak(curve: Curve) -> float:
    """The most answers a second that the server gave."""
    return max([curve.capacity, *(one.good for one in curve.points)])


def seed_footprint(results: Results, model: str) -> Footprint | None:
    """What the seed's design takes, the base of the footprint's ratios."""
    return next((one for one in results.footprints if (one.server, one.model) == (SEED, model)), None)
