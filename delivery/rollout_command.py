"""The commands ``rollout`` and ``rollback``: what they are told, and what they tell."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from components.gcp import agent
from components.spec import Cloud, Environment
from delivery import verify
from delivery.prometheus import Prometheus
from delivery.rollout import Rollout, Stop
from delivery.signature import GITHUB, Trust
from delivery.stack import Stack
from delivery.steps import Deployed, checked
from delivery.store import Store
from delivery.unit import DeliveryError
from delivery.watch import Pace, Read
from engine import install
from observability.series import Series
from stacks.config import slo_of

StackName = Annotated[str, typer.Option(help="dev (this machine), azure-dev, aws-dev, gcp-dev, …-prod.")]


def rollout_command(
    wanted: Annotated[str, typer.Argument(metavar="RELEASE")],
    stack: StackName,
    steps: Annotated[str, typer.Option(help="The candidate's shares of the traffic in percent.")] = "5,25,50,100",
    bake: Annotated[int, typer.Option(metavar="SECONDS", help="How long each step is watched at least.")] = 600,
    patience: Annotated[
        int, typer.Option(metavar="SECONDS", help="How much longer a step waits for enough samples.")
    ] = 3600,
    pause: Annotated[int, typer.Option(metavar="SECONDS", help="The time between two looks.")] = 30,
    significance: Annotated[
        float, typer.Option(help="The chance that a step sends a harmless candidate back.")
    ] = Pace.significance,
    prometheus: Annotated[
        str | None, typer.Option(metavar="URL", help="A Prometheus that asks for no sign, in place of the stack's.")
    ] = None,
    repository: Annotated[str | None, typer.Option(help="Where the stack pulls the image from (promote).")] = None,
    name: Annotated[str, typer.Option(help="The model's name.")] = "iris",
    artifacts: Annotated[Path, typer.Option(help="Where the models are.")] = Path("artifacts"),
    public_key: Annotated[Path | None, typer.Option(envvar="RELEASE_PUBLIC_KEY")] = None,
    identity: Annotated[str | None, typer.Option(envvar="RELEASE_IDENTITY")] = None,
    issuer: Annotated[str, typer.Option(envvar="RELEASE_ISSUER")] = GITHUB,
) -> None:
    """Take a verified release into a stack step by step, watched, and back as soon as it does harm."""
    shares = checked([int(share) for share in steps.split(",")])
    pace = Pace(bake=bake, patience=patience, pause=pause, significance=significance)
    directory = Path(wanted).resolve() if Path(wanted).is_dir() else Store(artifacts / name).find(wanted)
    unit = verify.require(directory, Trust(public_key, identity, issuer))
    driven = _stack(stack)
    slo = slo_of(driven.settings.get("monitoring"))
    url = prometheus or driven.outputs().get("prometheusUrl")
    if not url:
        raise DeliveryError(f"{stack} has no Prometheus to judge a candidate by; deploy its first release by make up")
    asked = Prometheus(url, "local" if prometheus else _cloud(driven), _series(driven, prometheus), slo)

    def read(candidate: Deployed, stable: Deployed) -> Read:
        return lambda seconds: asked.counts((candidate.id, stable.id), seconds)

    stop = Stop()
    with stop.listening():
        Rollout(driven, stop, _say).to(Deployed.of(unit, repository), shares, read, slo, pace)


def rollback_command(stack: StackName) -> None:
    """Take a candidate's traffic, or without one go back to the stable release before."""
    stop = Stop()
    with stop.listening():
        Rollout(_stack(stack), stop, _say).back()


def _stack(name: str) -> Stack:
    """The stack, with its engine."""
    return Stack(Path.cwd(), name, install.environment(_say), _say)


def _cloud(stack: Stack) -> Cloud:
    return cast(Cloud, stack.settings["cloud"])


def _series(stack: Stack, prometheus: str | None) -> Series:
    """The stack's own series: Google keeps those of a project in one place."""
    found: dict[str, Any] = stack.settings
    if _cloud(stack) != "gcp" or prometheus:
        return Series()
    return agent.series(
        Environment(
            cloud="gcp",
            tier=found["environment"],
            project="mlplatform",
            stack=stack.name,
            namespace=found.get("namespace", ""),
        )
    )


def _say(line: str) -> None:
    """Tell what is going on, with the time."""
    typer.echo(f"{datetime.now(tz=UTC):%H:%M:%S} {line}")
