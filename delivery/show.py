"""How the commands show releases, checks and differences: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from delivery.compare import Difference
from delivery.unit import Unit
from delivery.verify import Check

console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def as_json(found: object) -> None:
    """Print ``found`` as JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")


def units(found: Sequence[Unit]) -> None:
    """A row per release, the newest first."""
    table = Table("release", "model", "created", "gate", "image")
    for unit in sorted(found, key=lambda unit: unit.created, reverse=True):
        gate = "[green]passed[/]" if unit.gate.passed else "[red]failed[/]"
        table.add_row(*(escape(text) for text in (unit.id, unit.name, unit.created)), gate, escape(unit.image))
    console.print(table if found else "no releases yet: make release")


def unit(found: Unit) -> None:
    """One release, a line per field."""
    table = Table.grid(padding=(0, 2))
    gate = "passed" if found.gate.passed else "failed: " + "; ".join(found.gate.reasons)
    for name, value in (
        ("release", found.id),
        ("model", f"{found.name} {found.model_version}"),
        ("image", found.image),
        ("image size", f"{found.image_bytes:,} bytes compressed"),
        ("commit", found.commit),
        ("created", found.created),
        ("gate", gate),
        ("champion", found.gate.champion or "none"),
    ):
        table.add_row(f"[dim]{name}[/]", escape(value))
    console.print(table)


def verdicts(found: Sequence[Check]) -> None:
    """A row per check."""
    table = Table("", "check", "found")
    for check in found:
        table.add_row("[green]✓[/]" if check.passed else "[bold red]✗[/]", check.name, escape(check.found))
    console.print(table)


def differences(found: Sequence[Difference]) -> None:
    """A row per difference."""
    table = Table("what", "before", "after")
    for each in found:
        table.add_row(*(escape(text) or "[dim]—[/]" for text in (each.what, each.before, each.after)))
    console.print(table if found else "the same release")
