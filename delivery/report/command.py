"""`python -m delivery report`: the three parts from what is on disk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from app.artifact import RELEASE, Gate, Manifest, load_manifest, resolve
from delivery import release, sbom, store
from delivery.report.infrastructure import infrastructure_section
from delivery.report.markdown import render
from delivery.report.model import model_section
from delivery.report.supply_chain import Side, read_scan, supply_chain_section
from delivery.unit import SBOM, UNIT
from engine import plan


def report_command(
    before: Annotated[Path | None, typer.Option(metavar="DIR", help="What serves: a release or a model.")] = None,
    after: Annotated[Path | None, typer.Option(metavar="DIR", help="What the change brings: likewise.")] = None,
    preview: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A plan (`make preview SAVE=FILE`, `pulumi preview --json`) or a folder of them; several.",
        ),
    ] = None,
    sbom_before: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the release has none.")] = None,
    sbom_after: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the release has none.")] = None,
    scan_before: Annotated[Path | None, typer.Option(metavar="FILE", help="`trivy image --format json`.")] = None,
    scan_after: Annotated[Path | None, typer.Option(metavar="FILE", help="`trivy image --format json`.")] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the Markdown there.")] = None,
) -> None:
    """Say what a change brings, for a pull request's comment or for the terminal."""
    text = render(
        [
            model_section(_manifest(before), _manifest(after), _gate(after)),
            infrastructure_section([plan.read(file.read_bytes()) for given in preview or [] for file in _files(given)]),
            supply_chain_section(_side(before, sbom_before, scan_before), _side(after, sbom_after, scan_after)),
        ]
    )
    if output:
        output.write_text(text, encoding="utf-8")
    elif sys.stdout.isatty():
        Console().print(Markdown(text))
    else:
        sys.stdout.write(text)


def _files(given: Path) -> list[Path]:
    return sorted(given.glob("*.json")) if given.is_dir() else [given]


def _manifest(directory: Path | None) -> Manifest | None:
    return load_manifest(resolve(directory)) if directory else None


def _gate(directory: Path | None) -> Gate | None:
    """The verdict of the day of training, None where nobody judged."""
    return release.verdict(resolve(directory)).gate if directory and (resolve(directory) / RELEASE).exists() else None


def _side(directory: Path | None, bom: Path | None, scan: Path | None) -> Side:
    """What is known of the image: of a release, or of the files named."""
    found = bom or (directory / SBOM if directory and (directory / SBOM).exists() else None)
    return Side(
        bytes=store.read(directory).image_bytes if directory and (directory / UNIT).exists() else None,
        bom=sbom.read(found.read_bytes()) if found else None,
        vulnerabilities=read_scan(scan) if scan else None,
    )
