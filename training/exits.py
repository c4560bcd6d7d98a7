"""Exit statuses that scripts can rely on, and the one place that maps errors to them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import typer

from training.errors import ExportError, TrainingError

DONE, REFUSED, UNUSABLE, UNCHANGED = 0, 1, 2, 3


@contextmanager
def readable_exits(artifacts: Path) -> Generator[None]:
    """End with one line on the standard error, and the status that belongs to it, instead of a traceback."""
    try:
        yield
    except TrainingError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(UNUSABLE) from None
    except OSError as error:
        typer.echo(f"error: {error.filename or artifacts}: {error.strerror or error}", err=True)
        raise typer.Exit(UNUSABLE) from None
    except ExportError as error:
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(REFUSED) from None
