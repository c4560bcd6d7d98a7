"""Preview, update, refresh and destroy as people and CI call them, each ending in Pulumi's own command."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from engine import plan
from engine.cli import Pulumi, interrupted, protected
from engine.plan import Plan, Step
from engine.workspace import Workspace, WorkspaceError

POLICY = ("--policy-pack", "policy")
REFUSED = 1

console = Console(stderr=True, highlight=False, soft_wrap=True)
"""For our own words; standard output is Pulumi's."""


def preview(prepared: Workspace, options: Sequence[str], save: Path | None = None) -> int:
    """Show what would change, or ``save`` it as a document; the exit status."""
    pulumi = begin(prepared)
    pulumi.state()
    status = show_or_save(pulumi, options, save, from_empty_state=False)
    if status:
        console.print(f"Without an account or the secrets: make preview STACK={escape(prepared.stack)} STAND_IN=1")
    return status


def show_or_save(pulumi: Pulumi, options: Sequence[str], save: Path | None, *, from_empty_state: bool) -> int:
    """``pulumi preview`` under the policy pack, on the terminal or with its findings into the file ``save``."""
    if save is None:
        return pulumi.run("preview", *pulumi.with_configuration(*POLICY, *options))
    debugging = {**pulumi.workspace.environment, "PULUMI_DEBUG_COMMANDS": "true"}  # admits --event-log
    with tempfile.TemporaryDirectory() as folder, console.status("planning"):
        log = Path(folder, "events")
        done = Pulumi(replace(pulumi.workspace, environment=debugging)).read(
            "preview", "--json", "--event-log", str(log), "--ignore-protect",
            *pulumi.with_configuration(*POLICY, *options),
        )  # fmt: skip
        sys.stderr.write(done.stderr)
        events = log.read_bytes() if log.exists() else b""
    save.parent.mkdir(parents=True, exist_ok=True)
    save.write_bytes(plan.keep(done.stdout, events, from_empty_state=from_empty_state))
    found = plan.read(save.read_bytes())
    _show(found)
    for finding in found.findings or ():
        if finding.mandatory:
            console.print(f"[bold red]policy[/] {escape(f'{finding.policy}: {finding.message}')}")
    for error in found.errors:
        console.print(escape(error))
    console.print(f"the plan is in {escape(str(save))}")
    return done.returncode


def up(prepared: Workspace, options: Sequence[str], *, yes: bool, named: Sequence[str]) -> int:
    """Deploy a stack, unless that would lose data which is not ``named``; the exit status."""
    if not yes and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise WorkspaceError(f"nobody is here to confirm; to do it unasked: make up STACK={prepared.stack} ARGS=--yes")
    pulumi = begin(prepared)
    if halfway := interrupted(pulumi.state()):
        return _refuse_interrupted(prepared, halfway)
    with console.status("planning"):
        # Protection is left aside here, so that the plan is complete and not cut off at the first thing protected.
        done = pulumi.read("preview", "--json", "--ignore-protect", *pulumi.with_configuration(*POLICY, *options))
    if done.returncode != 0:
        # The document says nothing of what the policy pack refuses; Pulumi's own display says all.
        sys.stderr.write(done.stderr)
        shown = pulumi.run("preview", *pulumi.with_configuration("--ignore-protect", *POLICY, *options))
        return shown or done.returncode
    found = plan.read(done.stdout)
    _show(found)
    if refused := found.refused(named):
        return _refuse_loss(prepared, refused)
    return _update(pulumi, found, options, yes=yes)


def _update(pulumi: Pulumi, found: Plan, options: Sequence[str], *, yes: bool) -> int:
    """Let Pulumi update; what it was told by name may go, everything else stays under the engine's protection."""
    released = [step.urn for step in found.losing if step.protected]
    if released:
        pulumi.read("state unprotect", "--yes", *released)
    # Without --yes Pulumi shows the plan and asks; with it, the plan was made and judged above.
    confirmed = ["--yes", "--skip-preview"] if yes else []
    status = pulumi.run("up", *pulumi.with_configuration(*POLICY, *confirmed, *options))
    if status and released:
        pulumi.read("state protect", "--yes", *released)
    return status


def refresh(prepared: Workspace, options: Sequence[str]) -> int:
    """Compare the state with the cloud; the exit status."""
    pulumi = begin(prepared)
    pulumi.state()
    return pulumi.run("refresh", *pulumi.with_configuration(*options))


def destroy(prepared: Workspace, options: Sequence[str], *, with_data: bool) -> int:
    """Take a stack down; what is protected only ``with_data``. The exit status."""
    pulumi = begin(prepared)
    kept = protected(pulumi.state())
    if kept and not with_data:
        console.print(f"[bold red]refused[/]: {len(kept)} resources of {escape(prepared.stack)} hold data:")
        for urn in kept:
            console.print(f"  {escape(plan.title(urn))}")
        console.print(f"To lose them too: make destroy STACK={prepared.stack} ARGS=--with-data")
        return REFUSED
    # Never without its preview: that is where the engine stops before anything is gone.
    return pulumi.run("destroy", *pulumi.with_configuration(*(["--ignore-protect"] if kept else []), *options))


def begin(prepared: Workspace) -> Pulumi:
    """Say what the user should know, once."""
    for note in prepared.notes:
        console.print(f"[dim]{escape(prepared.stack)}:[/] {escape(note)}")
    return Pulumi(prepared)


def _show(found: Plan) -> None:
    """What would be replaced or deleted, first what holds data."""
    for step in found.losing:
        what = f"[bold red]{step.op} (holds data)[/]" if step.holds_data else f"[yellow]{step.op}[/]"
        why = f"  because of {', '.join(step.reasons)}" if step.reasons else ""
        console.print(f"{what}  {escape(step.title + why)}")


def _refuse_loss(prepared: Workspace, refused: Sequence[Step]) -> int:
    """Say what stops the update and how it is told by name."""
    console.print(
        f"[bold red]refused[/]: the data in {len(refused)} of them would be lost. If that is meant, name them: "
        f'make up STACK={prepared.stack} REPLACE="{" ".join(_called(refused))}"'
    )
    return REFUSED


def _called(refused: Sequence[Step]) -> list[str]:
    """The shortest name for each that means no other."""
    names = [step.name for step in refused]
    return [step.name if names.count(step.name) == 1 else step.title for step in refused]


def _refuse_interrupted(prepared: Workspace, urns: Sequence[str]) -> int:
    """Say what an interrupted update may have made, and how the state is told of it."""
    console.print(
        "[bold red]refused[/]: the last update ended while it was creating, and the state does not know whether it did:"
    )
    for urn in urns:
        console.print(f"  {escape(urn)}")
    console.print(
        "Look whether the cloud has them, then: make refresh "
        f"STACK={prepared.stack} ARGS='--yes --clear-pending-creates' (docs/runbooks/stack-interrupted.md)"
    )
    return REFUSED
