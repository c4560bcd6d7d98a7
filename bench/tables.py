"""Numbers as people read them, and tables of them in Markdown."""

from __future__ import annotations

missing = "–"


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A Markdown table that ends its line."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def number(value: float | None) -> str:
    """Two digits that count: 0.83, 4.4, 38, 143."""
    if value is None:
        return missing
    if value >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def percent(share: float | None) -> str:
    """A share in whole percent."""
    return missing if share is None else f"{100 * share:.0f} %"


def times(value: float | None, base: float | None, unit: str) -> str:
    """A quantity, and how many times ``base`` it is."""
    if value is None:
        return missing
    return f"{number(value)} {unit}" + (f" ({number(value / base)} ×)" if base else "")


def milliseconds(value: float | None, base: float | None, shorter: bool = False) -> str:
    """A latency, and how many times ``base`` it is; with ``shorter``, how many times shorter."""
    if value is None:
        return missing
    if not base or not value:
        return f"{number(value)} ms"
    return f"{number(value)} ms ({number(base / value if shorter else value / base)} ×)"
