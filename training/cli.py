"""The command line: options over settings over defaults, and exit statuses that scripts can rely on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from training import options
from training.exits import DONE, REFUSED, UNCHANGED, readable_exits
from training.ingest.source import default_name
from training.registry import commands
from training.settings import Settings, load_settings

HELP = """Train a model and publish it as artifacts/NAME/VERSION; make it the current one if it passes the gate.

The pipeline: ingest (a CSV or Parquet file, a folder, an object store, a web server, a database or iris; roles and
types of the columns; a snapshot) → split → validate (Great Expectations) → search → train (scikit-learn)
→ export (an ONNX graph, proven to answer as scikit-learn does) → evaluate (the held-out rows) → report → gate (better
than a predictor without features, not worse than the current model, within the limits set) → publish → register.

Settings come from training/params.toml, then --params FILE, then the options, then --set; every key is explained in
training/params.toml. With a --store (s3://…, gs://…, az://… or file:///…; credentials from the environment) the
current model is taken from there, and the new version uploaded. The same data, settings, code and libraries give the
same version, byte for byte.

Exit status: 0 the model is the current one; 1 it was refused, by the gate (its version is written all the same, with
the verdict in release.json) or because the exported graph disagrees with scikit-learn; 2 the data, the settings or
the disk do not allow a training.

The commands below keep the model registry, on MLflow: the server that MLFLOW_TRACKING_URI names, or else a database in
artifacts/.registry.
"""

RETRAIN = """Train, compare with the champion, and register the model as its challenger; without a change, do nothing.

Nothing has changed where data, settings, code and libraries are those of a version that is there already: it is not
trained again. A model that passes the gate waits as the challenger for `promote`, or replaces the champion at once
with --promote. All other options are those of a training.

Exit status: 0 there is a new version and it passed the gate; 1 it was refused; 2 the data, the settings or the disk
do not allow a training; 3 nothing has changed.
"""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
commands.add_to(app)


@app.callback(invoke_without_command=True, help=HELP)
def train(
    context: typer.Context,
    data: options.Data = None,
    target: options.Target = None,
    name: options.Name = None,
    estimator: options.Estimator = None,
    task: options.Task = None,
    ignore: options.Ignore = None,
    seed: options.Seed = None,
    params: options.Params = None,
    override: options.Override = None,
    artifacts: options.Artifacts = options.ARTIFACTS,
    store: options.Store = None,
) -> None:
    """Train and publish."""
    if context.invoked_subcommand is not None:
        given = [key for key in context.params if str(context.get_parameter_source(key)).endswith("COMMANDLINE")]
        if given:
            context.fail(f"--{given[0].replace('override', 'set')}: write options after '{context.invoked_subcommand}'")
        return
    with readable_exits(artifacts):
        settings = _settings(data, target, task, ignore, seed, estimator, params, override)
        raise typer.Exit(_run(settings, name, artifacts, store))


@app.command(help=RETRAIN)
def retrain(
    data: options.Data = None,
    target: options.Target = None,
    name: options.Name = None,
    estimator: options.Estimator = None,
    task: options.Task = None,
    ignore: options.Ignore = None,
    seed: options.Seed = None,
    params: options.Params = None,
    override: options.Override = None,
    artifacts: options.Artifacts = options.ARTIFACTS,
    store: options.Store = None,
    promote: Annotated[
        bool, typer.Option("--promote", help="Let a model that passes the gate be the champion.")
    ] = False,
    unchanged_ok: Annotated[
        bool,
        typer.Option(
            "--unchanged-ok", help="For schedulers that know only failures: 0 in place of 3, or 1 if refused."
        ),
    ] = False,
) -> None:
    """Train and register, if there is anything new."""
    with readable_exits(artifacts):
        settings = _settings(data, target, task, ignore, seed, estimator, params, override)
        raise typer.Exit(_run(settings, name, artifacts, store, promote, DONE if unchanged_ok else UNCHANGED))


def main() -> None:
    """Run the command line; Ctrl-C ends it without a traceback."""
    app(prog_name="python -m training")


def _settings(
    data: str | None,
    target: str | None,
    task: str | None,
    ignore: list[str] | None,
    seed: int | None,
    estimator: str | None,
    params: Path | None,
    override: list[str] | None,
) -> Settings:
    """The settings that the options ask for."""
    given: dict[str, Any] = {
        "data.source": data,
        "data.target": target,
        "data.task": task,
        "data.ignore": ignore or None,
        "split.seed": seed,
        "train.estimator": estimator,
    }
    return load_settings(params, {key: value for key, value in given.items() if value is not None}, override or [])


def _run(
    settings: Settings,
    name: str | None,
    artifacts: Path,
    store: str | None,
    promote: bool | None = None,
    unchanged: int = UNCHANGED,
) -> int:
    """Train, say what came of it, and return the exit status; ``promote`` and ``unchanged`` are a retraining's."""
    name = options.check_name(name or default_name(settings.data.source))
    # scikit-learn and matplotlib take seconds to import: not for --help, nor for a mistyped option.
    from training.pipeline import train as run_training
    from training.progress import Progress
    from training.retrain import Retraining

    console = Console(highlight=False)
    retraining = None if promote is None else Retraining(promote)
    outcome = run_training(settings, name, artifacts, Progress(console), store, retraining)
    version = outcome.manifest.version
    if retraining is not None and not outcome.new:
        verdict = "passed the gate" if outcome.gate.passed else "was refused by the gate"
        console.print(
            f"nothing has changed: {name} {version} is there already and {verdict}", soft_wrap=True, markup=False
        )
        return unchanged if outcome.gate.passed or unchanged == UNCHANGED else REFUSED
    console.print(f"report: {outcome.directory / 'report.html'}", soft_wrap=True, markup=False)
    if not outcome.gate.passed:
        for reason in outcome.gate.reasons:
            typer.echo(f"refused: {reason}", err=True)
        kept = f"{outcome.gate.champion} stays current" if outcome.gate.champion else "there is no current model"
        typer.echo(f"{name} {version} was written but not promoted; {kept}", err=True)
        return REFUSED
    state = "is now the current model" if outcome.moved else "was the current model already"
    if promote is False:
        state = f"is the challenger; python -m training promote {name} makes it the current model"
    console.print(f"{name} {version} {state}", soft_wrap=True, markup=False)
    return DONE
