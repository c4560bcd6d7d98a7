"""`python -m engine`: what the Makefile's Pulumi targets call, for people and for CI."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from engine import build, install, operations, plugin, promtool, workspace
from engine.build import InstallError
from engine.plan import PlanError
from engine.workspace import Workspace, WorkspaceError

HELP = """Work on a stack with Pulumi.

Further options are Pulumi's own and passed on. The exit status is Pulumi's; 1 where a plan is refused, 2 where there is
nothing to work with.
"""
UNUSABLE = 2
ROOT = Path.cwd()
"""Where Pulumi.yaml stands; the Makefile calls from there."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=HELP)
PASSING_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
Stack = Annotated[str, typer.Option(help="dev (this machine), azure-dev, aws-dev, gcp-dev, …-prod.")]


@app.command("install")
def install_command() -> None:
    """Get the engine, if it is not there."""
    raise typer.Exit(install.run_install())


@app.command("promtool")
def promtool_command() -> None:
    """Get a promtool that knows every cloud's remote write, if it is not there."""
    raise typer.Exit(promtool.run_get())


@app.command("actionlint")
def actionlint_command(files: list[Path]) -> None:
    """Lint workflows; without Go there is no linter, which is told and no failure."""
    if shutil.which("go") is None:
        _say("no go on the PATH to build actionlint with; the workflows are not linted")
        return
    raise typer.Exit(subprocess.run([build.build_actionlint(_say), *files]).returncode)  # noqa: S603  just built


@app.command("environment")
def environment_command() -> None:
    """Print the variables with which plain `pulumi` commands meet the same engine and state, for a shell's eval."""
    variables = workspace.for_plain_pulumi(ROOT, os.environ)
    variables |= install.OWN | {"PATH": _engine()["PATH"]}
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


@app.command("preview", context_settings=PASSING_ON)
def preview_command(
    context: typer.Context,
    stack: Stack = "dev",
    stand_in: Annotated[
        bool, typer.Option("--stand-in", help="Without account and secrets: the plan from an empty state.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the plan, with what policies find, for a report.")
    ] = None,
) -> None:
    """Show what would change, held to the policy pack."""
    if stand_in:
        from engine import rehearsal  # loads what every cloud's SDK needs, which nothing else does

        raise typer.Exit(rehearsal.preview(ROOT, stack, _engine(), context.args, save))
    raise typer.Exit(operations.preview(_prepare(stack), context.args, save))


@app.command("up", context_settings=PASSING_ON)
def up_command(
    context: typer.Context,
    stack: Stack = "dev",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    replace: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="What may be replaced or deleted although it holds data.")
    ] = None,
) -> None:
    """Deploy, unless that would replace or delete what holds data."""
    raise typer.Exit(operations.up(_prepare(stack), context.args, yes=yes, named=replace or []))


@app.command("refresh", context_settings=PASSING_ON)
def refresh_command(context: typer.Context, stack: Stack = "dev") -> None:
    """Compare the state with what is really there; --preview-only changes nothing."""
    raise typer.Exit(operations.refresh(_prepare(stack), context.args))


@app.command("destroy", context_settings=PASSING_ON)
def destroy_command(
    context: typer.Context,
    stack: Stack = "dev",
    with_data: Annotated[bool, typer.Option("--with-data", help="Also what is protected.")] = False,
) -> None:
    """Take a stack down."""
    raise typer.Exit(operations.destroy(_prepare(stack), context.args, with_data=with_data))


def _prepare(stack: str) -> Workspace:
    """The stack with its engine, and with the plugin that builds images where it builds one."""
    document = workspace.read(ROOT, stack)  # a misspelt name is told before anything is built
    environment = _engine()
    if (document.get("config") or {}).get("mlplatform:image") == "build":
        plugin.get(environment, _say)
    return workspace.prepare(ROOT, stack, environment)


def _engine() -> dict[str, str]:
    """This process' environment with the engine on its PATH."""
    return install.environment(_say)


def _say(line: str) -> None:
    """Tell what is going on."""
    typer.echo(f"pulumi: {line}", err=True)


def main() -> None:
    """Run the command; what cannot be worked with is one line."""
    try:
        app()
    except (WorkspaceError, PlanError, InstallError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(UNUSABLE) from None


if __name__ == "__main__":
    main()
