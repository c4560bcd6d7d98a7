"""The command line: options over settings over defaults, and exit statuses that scripts can rely on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from training.errors import ExportError, SettingsError, TrainingError
from training.ingest.source import default_name
from training.settings import ESTIMATORS, Settings, load_settings

PROMOTED, REFUSED, UNUSABLE = 0, 1, 2
_NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")

HELP = """Train a model and publish it as artifacts/NAME/VERSION; make it the current one if it passes the gate.

The pipeline: ingest (a CSV or Parquet file, a folder, an object store, a web server, a database or iris; roles and
types of the columns; a snapshot) → split → validate (Great Expectations) → train (scikit-learn)
→ export (an ONNX graph, proven to answer as scikit-learn does) → evaluate (the held-out rows) → report → gate (better
than a predictor without features, not worse than the current model, within the limits set) → publish.

Settings come from training/params.toml, then --params FILE, then the options, then --set; every key is explained in
training/params.toml. With a --store (s3://…, gs://…, az://… or file:///…; credentials from the environment) the
current model is taken from there, and the new version uploaded. The same data, settings, code and libraries give the
same version, byte for byte.

Exit status: 0 the model is the current one; 1 it was refused, by the gate (its version is written all the same, with
the verdict in release.json) or because the exported graph disagrees with scikit-learn; 2 the data, the settings or
the disk do not allow a training.
"""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback(invoke_without_command=True, help=HELP)
def train(
    context: typer.Context,
    data: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="A file, folder, address or database; or 'iris'.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="The column to predict.")] = None,
    name: Annotated[str | None, typer.Option(help="The model's name; by default the file's, or 'iris'.")] = None,
    estimator: Annotated[str | None, typer.Option(help=f"One of {', '.join(ESTIMATORS)}.")] = None,
    task: Annotated[str | None, typer.Option(help="auto, classification or regression.")] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="COLUMN", help="Leave a column out; repeatable.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the split and of the estimator.")] = None,
    params: Annotated[Path | None, typer.Option(metavar="FILE", help="Settings that differ from the defaults.")] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Set any key; repeatable.")
    ] = None,
    artifacts: Annotated[Path, typer.Option(metavar="DIR", help="Where models are kept.")] = Path("artifacts"),
    store: Annotated[
        str | None,
        typer.Option(metavar="URL", envvar="ARTIFACTS_URL", help="Object store to compare with and upload to."),
    ] = None,
) -> None:
    """Train and publish."""
    if context.invoked_subcommand is not None:
        return
    options: dict[str, Any] = {
        "data.source": data,
        "data.target": target,
        "data.task": task,
        "data.ignore": ignore or None,
        "split.seed": seed,
        "train.estimator": estimator,
    }
    try:
        given = {key: value for key, value in options.items() if value is not None}
        settings = load_settings(params, given, override or [])
        raise typer.Exit(_run(settings, name or default_name(settings.data.source), artifacts, store))
    except TrainingError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(UNUSABLE) from None
    except OSError as error:
        typer.echo(f"error: {error.filename or artifacts}: {error.strerror or error}", err=True)
        raise typer.Exit(UNUSABLE) from None
    except ExportError as error:
        typer.echo(f"refused: {error}", err=True)
        raise typer.Exit(REFUSED) from None


def main() -> None:
    """Run the command line; Ctrl-C ends it without a traceback."""
    app(prog_name="python -m training")


def _run(settings: Settings, name: str, artifacts: Path, store: str | None) -> int:
    """Train, say what came of it, and return the exit status."""
    if not _NAME.fullmatch(name):
        raise SettingsError(f"--name {name}: use lower-case letters, digits, '-' and '_' (63 at most)")
    # scikit-learn and matplotlib take seconds to import: not for --help, nor for a mistyped option.
    from training.pipeline import train as run_training
    from training.progress import Progress

    console = Console(highlight=False)
    outcome = run_training(settings, name, artifacts, Progress(console), store)
    version = outcome.manifest.version
    console.print(f"report: {outcome.directory / 'report.html'}", soft_wrap=True, markup=False)
    if not outcome.gate.passed:
        for reason in outcome.gate.reasons:
            typer.echo(f"refused: {reason}", err=True)
        kept = f"{outcome.gate.champion} stays current" if outcome.gate.champion else "there is no current model"
        typer.echo(f"{name} {version} was written but not promoted; {kept}", err=True)
        return REFUSED
    state = "is now the current model" if outcome.moved else "was the current model already"
    console.print(f"{name} {version} {state}", soft_wrap=True, markup=False)
    return PROMOTED
