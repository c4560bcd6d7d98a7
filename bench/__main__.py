"""``python -m bench``: what ``make bench`` calls."""

from __future__ import annotations

import resource
import shlex
import sys
import time
from typing import Annotated

import msgspec
import typer

from bench import closed_loop, environments, machine, open_loop, page, results
from bench.contenders import peers
from bench.environments import REPOSITORY, Unavailable
from bench.models import IRIS, LARGE, ROWS, TrainingFailed, prepare
from bench.overload import Stages
from bench.servers import Extent, Server, own
from bench.session import Plan, Session

HELP = """Measure this service beside the design it replaces, the machine's limits and, with --peers, other servers.

Writes docs/benchmarks.md with its plots, and what they were made from, docs/benchmarks/results.json. Keep the machine
quiet meanwhile. Needs Linux, two cores, wrk, and vegeta or the Go to build it.
"""
DOCS = REPOSITORY / "docs"
WORK = REPOSITORY / "build" / "bench"
QUICK = Plan(
    extent=Extent(rows=(1, 100), connections=(16,)),
    rounds=1,
    seconds=1,
    stages=Stages((0.5, 2), seconds=1, recovery_seconds=1),
    overload_rows={"iris": 100},
    mixed_rows=100,
    large=False,
)
"""Enough to see every part of it work; its figures mean little."""


def main(
    with_peers: Annotated[bool, typer.Option("--peers", help="Other servers too; installs each, 4 GB in all.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A smoke run of under a minute; its page goes to build/bench/docs.")
    ] = False,
    variant: Annotated[
        list[str] | None,
        typer.Option(metavar="'NAME=VALUE …'", help="Measure this service with other settings, too; repeatable."),
    ] = None,
    without_large: Annotated[
        bool, typer.Option("--without-large", help="Leave out the large forest, which takes 20 minutes to make once.")
    ] = False,
    render: Annotated[bool, typer.Option("--render", help="Measure nothing: write the page of the last run.")] = False,
) -> None:
    """Measure, write what was found, and exit with 1 where this service could not be measured."""
    docs = WORK / "docs" if quick else DOCS
    if render:
        page.write(results.read(page.results_file(docs)), docs)
        return
    try:
        plan = QUICK if quick else Plan(large=not without_large)
        found = _measure(plan, quick, with_peers, [_settings(text) for text in variant or []])
    except (Unavailable, TrainingFailed) as error:
        typer.echo(f"bench: {error}", err=True)
        raise typer.Exit(2) from None
    found.save(page.results_file(docs))
    page.write(found, docs)
    _say(f"{docs / page.PAGE}, after {found.machine.seconds:.0f} s")
    if not any(figure.kind == "service" for figure in found.figures):
        raise typer.Exit(1)


def _measure(plan: Plan, quick: bool, with_peers: bool, variants: list[dict[str, str]]) -> results.Results:
    """A whole session; raises Unavailable where nothing can be measured here."""
    cores = machine.cores()
    closed_loop.find()
    open_loop.find()
    _lift_file_limit()
    servers = own(variants) + (peers() if with_peers else [])
    models = environments.cache() / "models"
    _say("training the models, unless they are there (the large forest takes minutes)")
    iris = prepare(IRIS, models)
    found = results.Results(machine.describe(_command(), plan.rounds, plan.seconds, ROWS))
    session = Session(plan, WORK / "run", cores, found, _say)
    if quick:
        for name in {server.environment for server in own([])}:
            session.use(name, environments.current())
    large = prepare(LARGE, models) if plan.large else None
    started = time.monotonic()
    session.compare(servers, iris)
    tested = [server for server in servers if server.kind in ("service", "seed")]
    session.overload(tested, iris)
    if large is not None:
        session.compare([server for server in tested if server.large], large)
        session.overload([server for server in tested if server.large], large)
    found.machine = msgspec.structs.replace(found.machine, seconds=time.monotonic() - started)
    found.versions = _versions(servers)
    return found


def _versions(servers: list[Server]) -> dict[str, str]:
    """What is compared, in the versions that were installed."""
    named = {"mlserver", "bentoml", "litserve", "mlflow", "kserve", "ray"} & {one.environment for one in servers}
    shared = ("uvicorn", "uvloop", "httptools", "msgspec", "onnxruntime")
    own_versions = {name: environments.version(environments.OWN, name) for name in shared}
    seed = {name: environments.version("seed", name) for name in ("fastapi", "scikit-learn")}
    return own_versions | seed | {name: environments.version(name, name) for name in sorted(named)}


def _settings(text: str) -> dict[str, str]:
    """``NAME=VALUE`` pairs, separated by spaces."""
    pairs = [part.partition("=") for part in shlex.split(text)]
    if not pairs or not all(name and separator for name, separator, _ in pairs):
        raise typer.BadParameter(f"{text!r}: write NAME=VALUE, such as 'MAX_CONCURRENT_REQUESTS=64'")
    return {name: value for name, _, value in pairs}


def _command() -> str:
    """How this session was called, as one calls it."""
    options = sys.argv[1:]
    flags = [f"{name.upper()}=1" for name in ("peers", "quick") if f"--{name}" in options]
    rest = [option for option in options if option not in ("--peers", "--quick")]
    return " ".join(["make bench", *flags, *([f"ARGS={shlex.quote(shlex.join(rest))}"] if rest else [])])


def _lift_file_limit() -> None:
    """Overload takes thousands of connections; allow them as far as the system lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _say(line: str) -> None:
    """Tell who waits."""
    print(f"bench: {line}", flush=True)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(help=HELP)(main)
    app(prog_name="python -m bench")
