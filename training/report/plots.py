"""The report's plots as inline SVG, coloured by the page's own variables so that they suit light and dark."""

from __future__ import annotations

import html
import io
import re
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Stand-ins that matplotlib draws with, and what the page replaces them by.
_TEXT, _ACCENT, _LINE = "#010101", "#020202", "#030303"
_VARIABLES = {_TEXT: "currentColor", _ACCENT: "var(--accent)", _LINE: "var(--line)"}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _TEXT,
    "axes.labelcolor": _TEXT,
    "axes.edgecolor": _LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _TEXT,
    "ytick.labelcolor": _TEXT,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.5,
}
_BINS = 20
_CALIBRATION_BINS = 10
_POINTS = 2_000  # of a scatter plot, which would make the page as large as the data
NARROW, WIDE = 3.4, 6.8  # inches: in a card, across the page


def histogram(name: str, values: np.ndarray, unit: str, width: float = NARROW) -> str:
    """How the numbers ``values`` are distributed, in ``_BINS`` equal bins at most."""
    low, high = float(values.min()), float(values.max())
    bins = min(_BINS, len(np.unique(values)))
    if (high - low) / bins <= np.spacing(max(-low, high)):  # one value, or no number between such bins' edges
        margin = max(0.5, _BINS * float(np.spacing(max(-low, high))))
        low, high = low - margin, high + margin
    counts, edges = np.histogram(values, bins=bins, range=(low, high))

    def draw(axes: Any) -> None:
        axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=_ACCENT, edgecolor="none")
        axes.set_ylabel(unit)
        axes.grid(axis="x", visible=False)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))

    peak = int(counts.argmax())
    about = f"{len(values)} values from {values.min():g} to {values.max():g}, most between {edges[peak]:g} and "
    return _draw(f"histogram {name}", f"Histogram of {name}: {about}{edges[peak + 1]:g}.", (width, 2.0), draw)


def bars(name: str, labels: Sequence[str], values: Sequence[float], axis: str, width: float = NARROW) -> str:
    """Horizontal bars, the first on top; ``axis`` says what their length is."""

    def draw(axes: Any) -> None:
        positions = np.arange(len(labels))
        axes.barh(positions, values, color=_ACCENT, height=0.7)
        axes.set_yticks(positions, [_shorten(label) for label in labels])
        axes.invert_yaxis()
        axes.set_xlabel(axis)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)

    about = ", ".join(f"{label} {value:.4g}" for label, value in zip(labels, values, strict=True))
    return _draw(f"bars {name}", f"{name}, {axis}: {about}.", (width, 0.7 + 0.24 * len(labels)), draw)


def residuals(target: np.ndarray, predictions: np.ndarray) -> str:
    """Predicted against observed values, of many rows a part, with the line on which they are equal."""
    errors = predictions - target
    low, high = float(min(target.min(), predictions.min())), float(max(target.max(), predictions.max()))

    shown = np.linspace(0, len(target) - 1, min(len(target), _POINTS)).astype(int)

    def draw(axes: Any) -> None:
        axes.plot([low, high], [low, high], color=_TEXT, linewidth=1, linestyle="--")
        axes.scatter(target[shown], predictions[shown], s=14, color=_ACCENT, alpha=0.6, linewidths=0)
        axes.set_xlabel("observed")
        axes.set_ylabel("predicted")

    about = f"{len(target)} held-out rows, mean residual {errors.mean():.4g}, standard deviation {errors.std():.4g}"
    return _draw("residuals", f"Predicted against observed values: {about}.", (WIDE, 4.0), draw)


def reliability(said: np.ndarray, right: np.ndarray) -> str:
    """How often what was predicted with a probability ``said`` was ``right``, in bins of equally many rows."""
    means, shares, counts = _by_probability(said, right)

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], color=_TEXT, linewidth=1, linestyle="--")
        axes.plot(means, shares, color=_ACCENT, linewidth=1.5, marker="o", markersize=5)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("observed share")

    points = ", ".join(f"{mean:.2f} said, {share:.2f} observed" for mean, share in zip(means, shares, strict=True))
    about = f"{len(said)} held-out rows in {len(counts)} bins: {points}"
    return _draw("calibration curve", f"Calibration curve: {about}.", (WIDE, 3.6), draw)


def calibration_error(said: np.ndarray, right: np.ndarray) -> float:
    """The expected calibration error: by how much probability and observed share differ, on average over the rows."""
    means, shares, counts = _by_probability(said, right)
    return float(np.abs(means - shares) @ counts / counts.sum())


def _by_probability(said: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per bin the mean probability, the share that is right and the number of rows; equal probabilities share a bin."""
    cuts = np.unique(np.quantile(said, np.linspace(0, 1, _CALIBRATION_BINS + 1)[1:-1]))
    place = np.searchsorted(cuts, said)
    counts = np.bincount(place, minlength=len(cuts) + 1)
    filled = counts > 0
    sums = [np.bincount(place, weights, len(cuts) + 1)[filled] for weights in (said, right)]
    return sums[0] / counts[filled], sums[1] / counts[filled], counts[filled]


def _draw(name: str, description: str, size: tuple[float, float], draw: Any) -> str:
    """An inline SVG with its description for those who do not see it; equal input gives equal text."""
    # The salt makes identifiers reproducible, and different in every plot of the page.
    style: Any = {**_STYLE, "svg.hashsalt": name}
    with mpl.rc_context(style):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        draw(axes)
        target = io.StringIO()
        # Texts stay texts for the reader's fonts; that the one which measures them lacks a glyph does not matter.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
            figure.savefig(target, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :]
    for stand_in, variable in _VARIABLES.items():
        svg = svg.replace(stand_in, variable)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    return svg.replace("<svg ", f'<svg role="img" aria-label="{html.escape(description)}" ', 1)


def _shorten(text: str) -> str:
    """A label that leaves room for the plot; ``$`` would start a formula."""
    cut = text if len(text) <= 24 else text[:23] + "…"
    return cut.replace("$", r"\$")
