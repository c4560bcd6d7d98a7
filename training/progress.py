"""Progress for people: one line per stage with its time, and the decisions taken in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar


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

    @contextmanager
    def bar(self, name: str, total: int) -> Generator[Callable[[int], None]]:
        """A bar that the function yielded moves on by so many of ``total``; no more is seen of it off a terminal."""
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bar(
            *columns,
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        ) as bar:
            task = bar.add_task(name, total=total)
            yield lambda done: bar.advance(task, done)

    def say(self, text: str) -> None:
        """Print a fact or a decision."""
        self._console.print(f"  {escape(text)}", highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print something that deserves attention but ends nothing."""
        self._console.print(f"  [yellow]note:[/] {escape(text)}", highlight=False, soft_wrap=True)
