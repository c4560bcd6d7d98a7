"""The page's plots as SVG files for light and dark: their text takes the colour of the reader's scheme."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from bench import compare
from bench.compare import USUAL
from bench.results import Results

_TEXT, _LINE = "#010101", "#020202"  # stand-ins that matplotlib draws with
_SCHEMES = (
    "<style>:root{color:#24292f;--line:#8c959f55}"
    "@media (prefers-color-scheme:dark){:root{color:#e6edf3;--line:#8c959f66}}</style>"
)
_COLOURS = {1: "#2f81f7", 100: "#2da44e", 1000: "#bf8700"}  # at least 3 : 1 on white and on near-black
_ORDER = ["#2f81f7", "#cf4a3b", "#2da44e", "#bf8700"]
STYLE: Any = {
    "svg.fonttype": "none", "svg.hashsalt": "mlplatform", "font.family": "sans-serif", "font.size": 9,
    "text.color": _TEXT, "axes.labelcolor": _TEXT, "axes.edgecolor": _LINE, "xtick.color": _LINE, "ytick.color": _LINE,
    "xtick.labelcolor": _TEXT, "ytick.labelcolor": _TEXT, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": _LINE, "grid.linewidth": 0.5, "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


def throughput(results: Results) -> str:
    """Every server's throughput as a multiple of the seed's, in a logarithmic scale."""
    figures = [one for one in results.figures if one.model == "iris" and one.connections == USUAL]
    names = list(dict.fromkeys(f"{one.server}: {one.form}" for one in figures))
    sizes = compare.sizes(figures)
    with mpl.rc_context(STYLE):
        figure, axes = canvas(1, (8.5, 1.2 + 0.42 * max(1, len(names))))
        for place, size in enumerate(sizes):
            drawn = [(names.index(f"{one.server}: {one.form}"), one) for one in figures if one.rows == size]
            shown = [(at, compare.to_seed(results, one)) for at, one in drawn]
            bars = [(at, share) for at, share in shown if share is not None]
            height = 0.8 / len(sizes)
            at = [index + height * (place - (len(sizes) - 1) / 2) for index, _ in bars]
            label = "1 row" if size == 1 else f"{size:,} rows"
            axes[0].barh(at, [share for _, share in bars], height, color=_colour(size), label=label)
        axes[0].set_xscale("log")
        axes[0].set_xlabel("requests a second, the seed's design = 1 (logarithmic)")
        axes[0].set_yticks(range(len(names)), names)
        axes[0].invert_yaxis()
        axes[0].grid(axis="y", visible=False)
        axes[0].xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        if names:
            figure.legend(frameon=False, loc="outside upper center", ncols=len(sizes))
        return svg(figure, "Throughput of every server as a multiple of the seed's design; the table has the figures.")


def overload(results: Results) -> str:
    """Goodput as a share of the peak, and the p99 of accepted requests, over what was offered."""
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2, (8.5, 3.4))
        for index, curve in enumerate(results.curves):
            offered = [point.offered / curve.capacity for point in curve.points]
            label = f"{curve.server}, {curve.model}, {curve.rows:,} rows"
            colour, peak = _ORDER[index % len(_ORDER)], compare.peak(curve)
            axes[0].plot(offered, [point.good / peak for point in curve.points], "o-", color=colour, label=label)
            known = [(at, point.p99) for at, point in zip(offered, curve.points, strict=True) if point.p99 is not None]
            axes[1].plot([at for at, _ in known], [p99 for _, p99 in known], "o-", color=colour)
        for one in axes:
            one.set_xlabel("offered load, the capacity = 1")
        axes[0].set_ylim(0, 1.05)
        axes[0].set_ylabel("goodput, the peak = 1")
        axes[1].set_yscale("log")
        axes[1].set_ylabel("p99 of accepted requests (ms)")
        if results.curves:
            figure.legend(frameon=False, loc="outside upper center", ncols=2)
        return svg(figure, "Goodput and latency beyond the capacity; the tables have the figures.")


def _colour(size: int) -> str:
    return _COLOURS.get(size, "#8250df")


def canvas(columns: int, size: tuple[float, float]) -> tuple[Figure, Sequence[Any]]:
    """A figure with so many axes beside each other."""
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def svg(figure: Figure, title: str) -> str:
    """The drawing, the same bytes for the same figures, with a title for those who cannot see it."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Title": title})
    text = stream.getvalue().replace(_TEXT, "currentColor").replace(_LINE, "var(--line)")
    head, _, rest = text.partition("<defs>")
    return f"{head}{_SCHEMES}<defs>{rest}"
