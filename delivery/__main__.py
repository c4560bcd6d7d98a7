"""`python -m delivery`: releases for people and for CI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.artifact import ArtifactError
from delivery import image as images
from delivery import pin, sbom, show, verify
from delivery.compare import compare
from delivery.release import release
from delivery.report.command import report_command
from delivery.rollout_command import rollback_command, rollout_command
from delivery.signature import GITHUB, Signer, Trust
from delivery.store import Store, read
from delivery.unit import DeliveryError, RefusedError
from delivery.watch import HeldError
from engine.build import InstallError
from engine.plan import PlanError
from engine.workspace import WorkspaceError
from stacks.objects import ConfigError

HELP = """Make, verify, promote and pin releases, and report what a change brings.

RELEASE is an id, the beginning of one, or a release's directory. The exit status is 1 where a release is refused or
differs, 2 where there is nothing to work with, 3 where a rollout ends undecided.
"""
REFUSED, UNUSABLE, HELD = 1, 2, 3

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, help=HELP)
app.command("report")(report_command)
app.command("rollout")(rollout_command)
app.command("rollback")(rollback_command)

Wanted = Annotated[str, typer.Argument(metavar="RELEASE")]
Name = Annotated[str, typer.Option(help="The model's name.")]
Artifacts = Annotated[Path, typer.Option(help="Where the models are.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
PublicKey = Annotated[
    Path | None, typer.Option(envvar="RELEASE_PUBLIC_KEY", help="Whose signature counts: a PEM file.")
]
Identity = Annotated[str | None, typer.Option(envvar="RELEASE_IDENTITY", help="… or the workflow that signed.")]
Issuer = Annotated[str, typer.Option(envvar="RELEASE_ISSUER", help="Who vouches for that workflow.")]


@app.command("release")
def release_command(
    image: Annotated[str, typer.Option(help="The image of the model in its registry: repository@sha256:…")],
    bom: Annotated[Path, typer.Option("--sbom", help="The image's bill of materials (the command sbom).")],
    name: Name = "iris",
    version: Annotated[str | None, typer.Option(help="The model's version; the current one if left out.")] = None,
    artifacts: Artifacts = Path("artifacts"),
    key: Annotated[Path | None, typer.Option(envvar="RELEASE_SIGNING_KEY", help="Sign by this private key.")] = None,
    password: Annotated[str | None, typer.Option(envvar="RELEASE_KEY_PASSWORD", hidden=True)] = None,
    keyless: Annotated[bool, typer.Option("--keyless", help="Sign as the workflow that runs this (Sigstore).")] = False,
    json: Json = False,
) -> None:
    """Make the release of a model and the image built from it; one that is there already stays as it is."""
    if (key is None) != keyless:
        raise DeliveryError("who signs? give exactly one of --key FILE (RELEASE_SIGNING_KEY) and --keyless")
    directory, new = release(artifacts / name, image, bom.read_bytes(), Signer(key, password), version=version)
    unit = read(directory)
    if json:
        return show.as_json(unit)
    show.unit(unit)
    show.console.print(f"{'written' if new else 'was there already, unchanged'}: {directory}", soft_wrap=True)
    return None


@app.command("show")
def show_command(
    wanted: Annotated[str | None, typer.Argument(metavar="[RELEASE]")] = None,
    name: Name = "iris",
    artifacts: Artifacts = Path("artifacts"),
    json: Json = False,
) -> None:
    """Show a release, or without one list all of a model."""
    if wanted is None:
        found = [read(directory) for directory in Store(artifacts / name).all()]
        return show.as_json(found) if json else show.units(found)
    unit = read(_find(wanted, artifacts / name))
    return show.as_json(unit) if json else show.unit(unit)


@app.command("verify")
def verify_command(
    wanted: Wanted,
    name: Name = "iris",
    artifacts: Artifacts = Path("artifacts"),
    public_key: PublicKey = None,
    identity: Identity = None,
    issuer: Issuer = GITHUB,
    json: Json = False,
) -> None:
    """Check the signature, the files, the model and the gate of a release."""
    found = verify.checks(_find(wanted, artifacts / name), Trust(public_key, identity, issuer))
    (show.as_json if json else show.verdicts)(found)
    raise typer.Exit(0 if all(check.passed for check in found) else REFUSED)


@app.command("diff")
def diff_command(
    before: Annotated[str, typer.Argument(metavar="BEFORE")],
    after: Annotated[str, typer.Argument(metavar="AFTER")],
    name: Name = "iris",
    artifacts: Artifacts = Path("artifacts"),
    json: Json = False,
) -> None:
    """Show what differs between two releases; the exit status is 1 where anything does."""
    found = compare(*(_find(wanted, artifacts / name) for wanted in (before, after)))
    (show.as_json if json else show.differences)(found)
    raise typer.Exit(REFUSED if found else 0)


@app.command("promote")
def promote_command(
    wanted: Wanted,
    to: Annotated[str, typer.Option(metavar="REPOSITORY", help="Where the image is copied: registry/repository.")],
    name: Name = "iris",
    artifacts: Artifacts = Path("artifacts"),
    public_key: PublicKey = None,
    identity: Identity = None,
    issuer: Issuer = GITHUB,
    json: Json = False,
) -> None:
    """Copy a verified release's image into another registry, its digest unchanged, and print its reference there."""
    unit = verify.require(_find(wanted, artifacts / name), Trust(public_key, identity, issuer))
    reference = images.copy(unit.image, to)
    if json:
        return show.as_json({"release": unit.id, "image": reference})
    return typer.echo(reference)


@app.command("pin")
def pin_command(
    wanted: Wanted,
    stack: Annotated[str, typer.Option(help="The stack whose file is written.")],
    place: Annotated[str, typer.Option("--as", help="stable or candidate.")],
    repository: Annotated[str | None, typer.Option(help="Where the stack pulls the image from (promote).")] = None,
    training_image: Annotated[str | None, typer.Option(help="The training job's image, by digest.")] = None,
    name: Name = "iris",
    artifacts: Artifacts = Path("artifacts"),
    public_key: PublicKey = None,
    identity: Identity = None,
    issuer: Issuer = GITHUB,
) -> None:
    """Write a verified release into a stack's file, which keeps its comments."""
    if place not in ("stable", "candidate"):
        raise DeliveryError(f"--as {place}: a release is pinned as stable or as candidate")
    unit = verify.require(_find(wanted, artifacts / name), Trust(public_key, identity, issuer))
    file = Path(f"Pulumi.{stack}.yaml")
    for line in pin.pin(file, place, unit, repository=repository, training_image=training_image):
        typer.echo(f"{file}: {line}")


@app.command("pin-model")
def pin_model_command(
    stack: Annotated[str, typer.Option(help="The stack whose file is written.")],
    version: Annotated[str, typer.Option(help="The model's version.")],
    name: Name = "iris",
) -> None:
    """Write the version of the model that a stack is to have into its file."""
    file = Path(f"Pulumi.{stack}.yaml")
    for line in pin.pin_model(file, name, version) or ["unchanged"]:
        typer.echo(f"{file}: {line}")


@app.command("sbom")
def sbom_command(
    output: Annotated[Path, typer.Option(help="The file to write.")],
    image: Annotated[str | None, typer.Option(help="A local image; read from its files, not run.")] = None,
    site_packages: Annotated[Path | None, typer.Option(help="… or the packages of an environment.")] = None,
) -> None:
    """Write the CycloneDX bill of materials of a Python environment, valid by CycloneDX' schema."""
    if (image is None) == (site_packages is None):
        raise DeliveryError("give exactly one of --image and --site-packages")
    content = sbom.of_image(image) if image else sbom.of_environment(site_packages or Path())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(content)
    typer.echo(f"{len(sbom.read(content).components)} packages: {output}")


@app.command("licences")
def licences_command(file: Annotated[Path, typer.Argument(metavar="SBOM")], json: Json = False) -> None:
    """List the licence of every package in a bill of materials."""
    found = {package.name: package.license for package in sbom.read(file.read_bytes()).packages.values()}
    if json:
        return show.as_json(found)
    for package, licence in sorted(found.items()):
        typer.echo(f"{package:<32} {licence}")
    return None


def _find(wanted: str, model: Path) -> Path:
    """The directory that ``wanted`` means."""
    directory = Path(wanted)
    return directory.resolve() if directory.is_dir() else Store(model).find(wanted)


def main() -> None:
    """Run the command; what cannot be worked with is one line."""
    try:
        app()
    except RefusedError as error:
        typer.echo(f"refused: {error}", err=True)
        raise SystemExit(REFUSED) from None
    except HeldError as error:
        typer.echo(f"held: {error}", err=True)
        raise SystemExit(HELD) from None
    except (DeliveryError, PlanError, ArtifactError, WorkspaceError, InstallError, ConfigError) as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(UNUSABLE) from None
    except OSError as error:
        typer.echo(f"error: {error.filename or ''}: {error.strerror or error}", err=True)
        raise SystemExit(UNUSABLE) from None


if __name__ == "__main__":
    main()
