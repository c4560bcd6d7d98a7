"""The registry's commands: what it holds, and what a person decides about it."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from training import options
from training.exits import readable_exits

if TYPE_CHECKING:
    from training.registry.registry import Registry
    from training.remote import Remote

Model = Annotated[str, typer.Argument(metavar="NAME", help="The model's name.")]
AnyModel = Annotated[str | None, typer.Argument(metavar="[NAME]", help="The model's name; all when left out.")]
Which = "A version, or one of the aliases champion and challenger."


def add_to(app: typer.Typer) -> None:
    """Give ``app`` the commands."""
    app.command("list")(list_versions)
    for command in (compare, promote, rollback, fetch, sync):
        app.command()(command)


def list_versions(name: AnyModel = None, artifacts: options.Artifacts = options.ARTIFACTS) -> None:
    """Show the registered versions, the newest first, with the gate's verdict and their aliases."""
    from training.registry.tables import versions_table

    with readable_exits(artifacts):
        for each in _names(artifacts, name):
            registry = _registry(artifacts, each)
            entries, waiting = registry.look(), registry.waiting()
            _print(versions_table(entries, [intent.version for intent in waiting]))


def compare(
    name: Model,
    first: Annotated[str, typer.Argument(metavar="[FIRST]", help=Which)] = "champion",
    second: Annotated[str, typer.Argument(metavar="[SECOND]", help=Which)] = "challenger",
    artifacts: options.Artifacts = options.ARTIFACTS,
) -> None:
    """Show two versions side by side: metrics, settings, and whether they learned from the same data."""
    from training.registry.moves import find
    from training.registry.tables import comparison_table

    with readable_exits(artifacts):
        entries = _registry(artifacts, name).look()
        _print(comparison_table(find(entries, first), find(entries, second)))


def promote(
    name: Model,
    version: Annotated[str, typer.Argument(metavar="[VERSION]", help=Which)] = "challenger",
    force: Annotated[bool, typer.Option("--force", help="Also one that the gate refused.")] = False,
    artifacts: options.Artifacts = options.ARTIFACTS,
    store: options.Store = None,
) -> None:
    """Make a version the champion and the current model."""
    from training.registry.moves import promote_version

    with _moving(artifacts, name, store) as registry:
        entry = promote_version(registry, version, force, typer.echo)
        typer.echo(f"{name} {entry.version} is the champion and the current model")


def rollback(name: Model, artifacts: options.Artifacts = options.ARTIFACTS, store: options.Store = None) -> None:
    """Make the champion before this one the champion and the current model again."""
    from training.registry.moves import roll_back

    with _moving(artifacts, name, store) as registry:
        restored, left = roll_back(registry, typer.echo)
        typer.echo(f"{name} {restored.version} is the champion and the current model again, in place of {left.version}")


def fetch(
    name: Model,
    version: Annotated[str, typer.Argument(metavar="[VERSION]", help=Which)] = "champion",
    artifacts: options.Artifacts = options.ARTIFACTS,
) -> None:
    """Bring a version from the registry to artifacts/NAME/VERSION, verified; the champion becomes the current model."""
    from training.registry.moves import find

    with _moving(artifacts, name, None) as registry:
        registry.settle(typer.echo)
        directory = registry.bring(find(registry.look(), version))
        typer.echo(f"{directory}, verified; the current model is {(artifacts / name / 'current').read_text().strip()}")


def sync(name: AnyModel = None, artifacts: options.Artifacts = options.ARTIFACTS) -> None:
    """Tell the registry what it has not been told, and make its champion the current model here."""
    with readable_exits(artifacts):
        for each in _names(artifacts, name):
            with _moving(artifacts, each, None) as registry:
                waiting = len(registry.waiting())
                registry.settle(typer.echo)
                typer.echo(f"{each}: {waiting} told to the registry, nothing waits")


@contextmanager
def _moving(artifacts: Path, name: str, store: str | None) -> Generator[Registry]:
    """The registry, while nobody else publishes; what became current is handed to the object store."""
    from app.artifact import current_version
    from training.publish import locked
    from training.remote import Remote

    with readable_exits(artifacts):
        remote: Remote | None = Remote(store, name) if store else None
        with locked(artifacts / options.check_name(name)):
            yield _registry(artifacts, name)
            version = current_version(artifacts / name)
            if remote is not None and version is not None:
                remote.upload(artifacts / name / version, move_pointer=True)


def _registry(artifacts: Path, name: str) -> Registry:
    from training.registry.registry import Registry

    return Registry(artifacts, options.check_name(name), begin=True)


def _names(artifacts: Path, name: str | None) -> list[str]:
    """The model asked for, or all: those that the registry holds and those that wait for it."""
    from training.registry.registry import known_names

    return [name] if name else known_names(artifacts)


def _print(table: object) -> None:
    """A table as wide as it needs to be where it is not read on a terminal."""
    console = Console(highlight=False)
    Console(highlight=False, width=None if console.is_terminal or "COLUMNS" in os.environ else 160).print(table)
