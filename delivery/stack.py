"""A stack as delivery drives it, by Pulumi's Automation API: what it serves, updates under a lease, what it served."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pulumi import automation
from pulumi.automation import errors

from delivery import pin
from delivery.steps import Deployed, Serving, serving
from delivery.unit import DeliveryError
from engine import operations, workspace
from engine.cli import Pulumi, interrupted
from stacks import lease
from stacks.lease import Claim, Lease

CHECK = "$pulumi-python:dynamic/mlplatform:ReleaseCheck::"
"""A resource that exists in no cloud, so that its half-done creation leaves nothing behind."""
REFUSAL = re.compile(re.escape(lease.LOST) + "|this stack is being rolled out by")
_LOCKED_AT = re.compile(r"created by .* at (\d{4}-\S+)")
_PREFIX = f"{pin.PROJECT}:"


class UpdateError(DeliveryError):
    """An update that failed; Pulumi has said why."""


class LostError(DeliveryError):
    """An update that another rollout's lease forbids, or that came after the stack was taken over."""


class Stack:
    """The stack ``name`` of the checkout ``root``; ``environment`` is that of the Pulumi command."""

    def __init__(self, root: Path, name: str, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._root, self.name, self._environment, self._say = root, name, environment, say
        self._file = workspace.stack_file(root, name)
        if self.settings.get("image") == "build":
            raise DeliveryError(
                f"{name} builds its checkout (image: build); give it a release first: make pin ARGS='--as stable'"
            )
        self._workspace = workspace.prepare(root, name, environment)
        operations.begin(self._workspace)
        os.environ["PATH"] = environment["PATH"]  # where the Automation API looks for the command
        local = automation.LocalWorkspace(work_dir=str(root), env_vars=self._variables())
        self._stack = automation.Stack.select(name, local)

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration in the stack's file, without the project's name."""
        found = workspace.read(self._root, self.name).get("config") or {}
        return {key.removeprefix(_PREFIX): value for key, value in found.items() if key.startswith(_PREFIX)}

    def outputs(self) -> dict[str, Any]:
        """What the last update left."""
        return {key: output.value for key, output in self._stack.outputs().items()}

    def serving(self) -> Serving:
        """What the stack serves, by its outputs."""
        return serving(self.outputs())

    def previous(self) -> Deployed | None:
        """The stable release before the one that serves, from the stack's history; None where there was none.

        It is the one before the first update that made today's the stable one: what was taken back once is no way back.
        """
        today, found = self.serving().stable.id, None
        before: Deployed | None = None
        for update in self._stack.history(show_secrets=False):  # the newest first
            value = update.config.get(f"{_PREFIX}stable")
            if update.result != "succeeded" or value is None:
                continue
            entry = json.loads(value.value)
            release = Deployed(image=entry["image"], model_version=entry["modelVersion"], commit=entry["commit"])
            if release.id == today:
                found, before = release, None
            elif found and before is None:
                before = release
        return before

    def update(self, wanted: Serving, claim: Claim, *, refresh: bool = False) -> None:
        """Write ``wanted`` into the stack's file and bring the stack there, by right of ``claim``.

        Raises UpdateError where Pulumi does not get there, LostError where the claim is refused, and
        errors.ConcurrentUpdateError where the stack is locked.
        """
        pin.serve(self._file, wanted)
        self._workspace = workspace.prepare(self._root, self.name, self._environment)  # its copy of the file
        self._stack.workspace.env_vars = {**self._variables(), lease.VARIABLE: claim.encode()}
        try:
            self._stack.up(
                refresh=refresh,
                policy_packs=["policy"],
                config_file=self._derived,
                color="never",
                suppress_outputs=True,
                on_output=self._show,
                on_error=self._show,
            )
        except errors.ConcurrentUpdateError:
            raise
        except errors.CommandError as error:
            reason = _reason(str(error))
            kind = LostError if REFUSAL.search(reason) else UpdateError
            raise kind(f"the update to {wanted} failed: {reason}") from error
        if (now := self.serving()) != wanted:
            raise UpdateError(f"the update to {wanted} ended, but the stack serves {now}")

    def repair(self) -> bool:
        """Compare operations of unknown outcome, which a dead rollout left, with the cloud; whether there were any.

        Raises DeliveryError where a person must look first, errors.ConcurrentUpdateError where the stack is locked.
        """
        state = Pulumi(self._workspace).state()
        pending = state.get("pending_operations") or []
        doubtful = [urn for urn in interrupted(state) if CHECK not in urn]
        if doubtful:
            raise DeliveryError(
                f"an update broke off while it was creating {', '.join(doubtful)}; see docs/runbooks/"
                "stack-interrupted.md"
            )
        if pending:
            self._say(f"an update broke off half-way; its {len(pending)} operations are compared with the cloud")
            self._stack.refresh(clear_pending_creates=True, config_file=self._derived, color="never")
        return bool(pending)

    def unlock(self, locked: errors.ConcurrentUpdateError, now: float) -> None:
        """Take away a lock that was made under a lease which has run out; raises DeliveryError for any other."""
        found, held = _LOCKED_AT.search(str(locked)), lease.read(self.outputs())
        if held and now < held.until:
            raise LostError(f"{self.name} is being updated by {held}; wait until then, or for its update") from locked
        if found and held and datetime.fromisoformat(found[1]).timestamp() < held.until:
            self._say(f"the lock of a rollout that died is taken away (its lease: {held})")
            self._stack.cancel()
            return
        raise DeliveryError(
            f"{self.name} is locked by an update that may be at work; if it is not: docs/runbooks/stack-locked.md"
        ) from locked

    def release(self, held: Lease) -> None:
        """End the lease ``held`` without an update, so that the next rollout need not wait for it."""
        pulumi = Pulumi(self._workspace)
        exported = pulumi.read("stack export")
        state: dict[str, Any] = json.loads(exported.stdout) if exported.returncode == 0 else {"deployment": {}}
        for resource in state["deployment"].get("resources", []):
            if resource["type"] == "pulumi:pulumi:Stack" and lease.read(resource.get("outputs", {})) == held:
                del resource["outputs"]["lease"]
                with tempfile.TemporaryDirectory() as folder:
                    file = Path(folder, "state.json")
                    file.write_text(json.dumps(state))
                    if pulumi.read("stack import", "--file", str(file)).returncode == 0:
                        return
        self._say(f"the lease could not be ended; it binds others for {held}")

    @property
    def _derived(self) -> str | None:
        return str(self._workspace.derived) if self._workspace.derived else None

    def _variables(self) -> dict[str, str]:
        return dict(self._workspace.environment)

    def _show(self, line: str) -> None:
        if line.strip():
            self._say(f"    {line}")


def _reason(text: str) -> str:
    """The errors that Pulumi printed, in one line."""
    errors_ = [line.strip() for line in text.splitlines() if "error:" in line]
    return " ".join(errors_)[-2000:] or "pulumi failed without a word"
