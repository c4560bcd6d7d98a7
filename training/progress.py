"""Progress for people: one line per stage with its time, and the decisions taken in it."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class Progress:
    """Writes to ``console``; shows a spinner while a stage runs if that is a terminal, plain lines otherwise."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Time a stage and print it when it has ended well, below what was said in it."""
        start = time.perf_counter()
        with self._console.status(f"{name} …"):
            yield
        self._console.print(f"[green]✓[/] {name:<10}[dim]{time.perf_counter() - start:7.2f} s[/]", highlight=False)

    def say(self, text: str) -> None:
        """Print a fact or a decision."""
        self._console.print(f"  {escape(text)}", highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print something that deserves attention but ends nothing."""
        self._console.print(f"  [yellow]note:[/] {escape(text)}", highlight=False, soft_wrap=True)
