"""Runs the Pulumi command on a workspace, its output untouched, and knows the next step where it stops."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import FrameType
from typing import IO, Any, cast

from engine.workspace import Workspace, WorkspaceError

LOCKED = ("currently locked by", "Another update is currently in progress")
"""What the file backends and Pulumi Cloud say of a stack that somebody else works on."""
NO_STACK = "no stack named"


@dataclass(frozen=True)
class Pulumi:
    """The commands of one stack."""

    workspace: Workspace

    def run(self, command: str, *options: str) -> int:
        """``pulumi <command>`` on the terminal of the caller; its exit status.

        Ctrl-C reaches Pulumi from the terminal, SIGTERM (how CI cancels) is passed on; both let it finish what it is
        at and release the stack's lock.
        """
        with subprocess.Popen(  # noqa: S603  the engine's own command
            self._command(command, *options), **self._place, stderr=subprocess.PIPE
        ) as process:
            said = bytearray()
            reader = threading.Thread(target=_pass_on, args=(process.stderr, said))
            reader.start()

            def end(number: int, _frame: FrameType | None) -> None:
                if number == signal.SIGTERM:
                    process.terminate()

            before = signal.signal(signal.SIGTERM, end), signal.signal(signal.SIGINT, end)
            try:
                status = process.wait()
            finally:
                signal.signal(signal.SIGTERM, before[0])
                signal.signal(signal.SIGINT, before[1])
            reader.join()
        if status and any(each in said.decode(errors="replace") for each in LOCKED):
            print(
                f'If nobody is at work on {self.workspace.stack}: eval "$(make env)"; pulumi cancel --stack '
                f"{self.workspace.stack} (docs/runbooks/stack-locked.md)",
                file=sys.stderr,
            )
        return status if status >= 0 else 128 - status

    def read(self, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """``pulumi <command>``, its output kept."""
        return subprocess.run(  # noqa: S603  the engine's own command
            self._command(*command.split(), *options, "--non-interactive"),
            **self._place, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip

    def with_configuration(self, *options: str) -> list[str]:
        """``options`` and the stack's file, where it is not the checkout's, for a command that runs the program."""
        derived = self.workspace.derived
        return [*options, *(["--config-file", str(derived)] if derived else [])]

    def state(self) -> dict[str, Any]:
        """The deployment in the stack's state; the stack is created if it does not exist.

        Raises WorkspaceError where the state cannot be read, or a production stack does not exist.
        """
        exported = self.read("stack export")
        if exported.returncode == 0:
            return json.loads(exported.stdout).get("deployment") or {}
        if NO_STACK not in exported.stderr:
            raise WorkspaceError(_last_error(exported.stderr))
        if self.workspace.production:
            raise WorkspaceError(
                f"the stack {self.workspace.stack} does not exist; production is created by hand, with the key that "
                f"encrypts its secrets: pulumi stack init {self.workspace.stack} --secrets-provider=… (docs/clouds.md)"
            )
        self.create()
        return {}

    def create(self) -> None:
        """Create the stack, without a word in the checkout's file where the workspace has its own.

        Raises WorkspaceError where it cannot be created.
        """
        with tempfile.TemporaryDirectory() as elsewhere:
            place: list[str] = []
            if self.workspace.derived:
                # `stack init` knows no --config-file: it writes beside the Pulumi.yaml that it finds.
                Path(elsewhere, "Pulumi.yaml").write_bytes((self.workspace.root / "Pulumi.yaml").read_bytes())
                place = ["--cwd", elsewhere]
            created = self.read("stack init", "--no-select", *place)
        if created.returncode != 0:
            raise WorkspaceError(_last_error(created.stderr))

    def _command(self, *arguments: str) -> list[str]:
        return ["pulumi", *arguments, "--stack", self.workspace.stack]

    @property
    def _place(self) -> dict[str, Any]:
        # Programs and the pickled providers in them are found from the root.
        return {"cwd": self.workspace.root, "env": dict(self.workspace.environment)}


def interrupted(state: dict[str, Any]) -> list[str]:
    """The URNs of what an update that ended half-way was about to create."""
    pending: Sequence[dict[str, Any]] = state.get("pending_operations") or []
    return [each["resource"]["urn"] for each in pending if each["type"] == "creating"]


def protected(state: dict[str, Any]) -> list[str]:
    """The URNs of what is protected from deletion."""
    resources: Sequence[dict[str, Any]] = state.get("resources") or []
    return [each["urn"] for each in resources if each.get("protect")]


def _pass_on(stream: IO[bytes], said: bytearray) -> None:
    """Show what the command says on its standard error, as it comes, and keep it."""
    while chunk := cast(BufferedReader, stream).read1():
        said += chunk
        sys.stderr.buffer.write(chunk)
        sys.stderr.buffer.flush()


def _last_error(text: str) -> str:
    """The message of a failed command, in one line."""
    return " ".join(text.split()).removeprefix("error: ") or "pulumi failed without a word"
