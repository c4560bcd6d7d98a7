"""``python -m bench.scale``: what ``make scale`` calls."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from bench import environments, machine
from bench.environments import REPOSITORY
from bench.scale import page, rows
from bench.scale.page import Found, Size
from bench.scale.training import Run, TrainingFailed, floor, run

HELP = """Measure trainings on 10 thousand to 10 million rows of 30 columns: time, and memory over the data's size.

Writes docs/scale.md with its plot, and what it was made from, docs/scale/results.json. Needs Linux, 10 GB of memory,
4 GB of disk and an hour.
"""
DOCS = REPOSITORY / "docs"
SMALLEST = 1_000  # rows, whose memory is the program's own
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
TWICE_UP_TO = 1_000_000  # rows; beyond, the stages of one training tell what its validation takes


def main(
    upto: Annotated[int, typer.Option(help="Leave out sizes with more rows.")] = SIZES[-1],
    docs: Annotated[Path, typer.Option(help="Where the page goes.")] = DOCS,
    render: Annotated[bool, typer.Option("--render", help="Measure nothing: write the page of the last run.")] = False,
) -> None:
    """Measure, write what was found, and exit with 1 where a training failed."""
    if render:
        page.write(page.read(docs), docs)
        return
    started = time.monotonic()
    described = machine.describe(shlex.join(["make scale", *sys.argv[1:]]), rounds=1, seconds_each=0, rows=upto)
    tables = environments.cache() / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    try:
        own, plain = (_run(SMALLEST, tables, validated) for validated in (True, False))
        sizes = [_measure(count, tables) for count in SIZES if count <= upto]
    except TrainingFailed as error:
        print(f"scale: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    described = msgspec.structs.replace(described, seconds=time.monotonic() - started)
    page.write(Found(described, own, plain, sizes), docs)
    print(f"scale: {docs / page.PAGE}, after {described.seconds:.0f} s")


def _measure(count: int, tables: Path) -> Size:
    """Both ways of training at one size, and boosting alone."""
    validated = _run(count, tables, validated=True)
    plain = _run(count, tables, validated=False) if count <= TWICE_UP_TO else None
    return Size(count, rows.size(count), floor(_table(count, tables)), validated, plain)


def _run(count: int, tables: Path, validated: bool) -> Run:
    """A training in a folder of its own, which goes again."""
    file = _table(count, tables)
    folder = Path(tempfile.mkdtemp(prefix="mlplatform-scale-"))
    try:
        found = run(count, file, folder, validated)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    how = "" if validated else ", not validated"
    print(f"scale: {count:,} rows{how}: {found.seconds:.0f} s, {found.peak / 1e6:,.0f} MB", flush=True)
    return found


def _table(count: int, tables: Path) -> Path:
    """The file with so many rows, made if it is not there."""
    file = tables / f"{count}.parquet"
    if not file.is_file():
        draft = file.with_suffix(".draft")
        rows.write(count, draft)
        draft.rename(file)
    return file


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(help=HELP)(main)
    app(prog_name="python -m bench.scale")
