"""The options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from training.errors import SettingsError
from training.train_settings import ESTIMATORS

_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")

Data = Annotated[str | None, typer.Option(metavar="SOURCE", help="A file, folder, address or database; or 'iris'.")]
Target = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column to predict.")]
Name = Annotated[str | None, typer.Option(help="The model's name; by default the file's, or 'iris'.")]
Estimator = Annotated[str | None, typer.Option(help=f"One of {', '.join(ESTIMATORS)}.")]
Task = Annotated[str | None, typer.Option(help="auto, classification or regression.")]
Ignore = Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="Leave a column out; repeatable.")]
Seed = Annotated[int | None, typer.Option(help="Of the split and of the estimator.")]
Params = Annotated[Path | None, typer.Option(metavar="FILE", help="Settings that differ from the defaults.")]
Override = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Set any key; repeatable.")
]
Artifacts = Annotated[Path, typer.Option(metavar="DIR", help="Where models are kept.")]
Store = Annotated[
    str | None, typer.Option(metavar="URL", envvar="ARTIFACTS_URL", help="Object store to compare with and upload to.")
]
ARTIFACTS = Path("artifacts")


def check_name(name: str) -> str:
    """The name, if a model may have it. Raises SettingsError."""
    if not _NAME.fullmatch(name):
        raise SettingsError(f"--name {name}: use lower-case letters, digits, '-' and '_' (63 at most)")
    return name
