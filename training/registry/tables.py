"""What the registry holds, as tables for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from training.evaluate import improvement
from training.registry.tracking import ROLLED_BACK, Entries, Registered

# One that weighs right and wrong, and one that looks closer, per task.
_SHOWN = ("balanced_accuracy", "log_loss", "r2", "rmse")


def versions_table(entries: Entries, waiting: list[str]) -> RenderableType:
    """A line per version; ``waiting`` are versions that the registry has not been told of yet."""
    metrics = [metric for metric in _SHOWN if any(metric in entry.metrics for entry in entries.versions)]
    table = Table(title=entries.name, title_justify="left")
    for column in ("version", "made", "rows", *metrics, "gate", "alias"):
        table.add_column(column, no_wrap=True, justify="right" if column in (*metrics, "rows") else "left")
    for entry in entries.versions:
        table.add_row(
            entry.version,
            f"{entry.created:%Y-%m-%d %H:%M}",
            entry.tags.get("data_rows", ""),
            *(_number(entry.metrics.get(metric)) for metric in metrics),
            entry.tags.get("gate", ""),
            ", ".join([*entry.aliases, *(["rolled back"] if ROLLED_BACK in entry.tags and not entry.aliases else [])]),
        )
    lines: list[RenderableType] = [
        Text(f"{version} waits to be registered: python -m training sync") for version in waiting
    ]
    return Group(table, *lines)


def comparison_table(first: Registered, second: Registered) -> RenderableType:
    """Metrics and differing settings side by side, and whether the data differ."""
    table = Table()
    table.add_column("")
    for entry in (first, second):
        alias = f"\n{', '.join(entry.aliases)}" if entry.aliases else ""
        table.add_column(f"{entry.version}{alias}", no_wrap=True, justify="right")
    table.add_column("", no_wrap=True)
    for metric in sorted(_measured(first) | _measured(second)):
        values = first.metrics.get(metric), second.metrics.get(metric)
        table.add_row(metric, *map(_number, values), _verdict(metric, *values))
    table.add_section()
    for key in sorted(first.parameters.keys() | second.parameters.keys()):
        values = first.parameters.get(key, ""), second.parameters.get(key, "")
        if values[0] != values[1]:
            table.add_row(key, *values, "differs")
    for key in ("gate", "data", "data_rows", "data_fingerprint", "code", "git_commit"):
        values = first.tags.get(key, ""), second.tags.get(key, "")
        shown = values if key in ("gate", "data", "data_rows") else [value[:16] for value in values]
        table.add_row(key, *shown, "" if values[0] == values[1] else "differs")
    same = first.tags.get("data_fingerprint") == second.tags.get("data_fingerprint")
    told = "They learned from the same data." if same else "Their data differ: each was measured on rows of its own."
    return Group(table, Text(told))


def _measured(entry: Registered) -> set[str]:
    """The metrics of the version itself, without those that its run recorded of the champion of the day."""
    return {metric for metric in entry.metrics if not metric.startswith("champion.")}


def _verdict(metric: str, first: float | None, second: float | None) -> str:
    """What the second has over the first."""
    if first is None or second is None:
        return ""
    gained = improvement(metric, second, first)
    return "equal" if gained == 0 else f"{'better' if gained > 0 else 'worse'} by {abs(gained):.4f}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
