"""Drives the Pulumi CLI as people do, on a copy of the repository, and reads what the engine did from its event log."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, cast

import yaml

from engine.standin.cloud import Cloud
from tests.components.harness import PROJECT
from tests.engine.data_plane import DataPlane

LONGEST_SECONDS = 240
"""After this a command is taken to hang."""
CHANGING = frozenset({"create", "update", "delete", "replace"})
"""The operations that change a resource; the steps that a replacement is made of are left out."""
NO_RESOURCE = ("pulumi:pulumi:Stack", "pulumi:providers:", "mlplatform:")
"""The stack, its providers and the components, which stand for no thing of a cloud."""
PACKAGES = ("azure-native:", "aws:", "gcp:", "docker-build:")
"""What the stand-in cloud provides."""
_COLOUR = re.compile(r"<\{%[^%]*%\}>")


class Step(NamedTuple):
    """What the engine did, or would do, to one resource."""

    op: str
    type: str
    name: str


def step(op: str, urn: str) -> Step:
    """The step ``op`` on the resource with this URN (``urn:pulumi:<stack>::<project>::<parents$type>::<name>``)."""
    _, _, types, name = urn.split("::", 3)
    return Step(op, types.rpartition("$")[2], name)


def kill_with_descendants(process: subprocess.Popen[str]) -> None:
    """End the leader of a group as the end of a machine would: at once, with all that it started.

    Also what the engine runs in sessions of its own, which would stay for ever.
    """
    apart = list(_descendants(process.pid))
    os.killpg(process.pid, signal.SIGKILL)
    for pid in apart:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> Iterator[int]:
    """The processes that a process has started, and those that they have."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # one that ends meanwhile has none
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                yield child
                yield from _descendants(child)


@dataclass(frozen=True)
class Outcome:
    """What one command did: its exit status, what a person saw, and the engine's own events."""

    status: int
    output: str
    events: Sequence[Mapping[str, Any]]
    seconds: float

    @property
    def succeeded(self) -> bool:
        """Whether the command ended with 0."""
        return self.status == 0

    @cached_property
    def steps(self) -> Sequence[Mapping[str, Any]]:
        """The metadata of every finished or planned step: ``op``, ``urn``, ``old``, ``new``, ``detailedDiff``, …"""
        found: dict[tuple[str, str], Mapping[str, Any]] = {}
        for event in self.events:
            for kind in ("resourcePreEvent", "resOutputsEvent"):
                if kind in event:
                    metadata = cast(Mapping[str, Any], event[kind]["metadata"])
                    found[metadata["urn"], metadata["op"]] = metadata
        return list(found.values())

    @property
    def touched(self) -> set[Step]:
        """Every resource that was changed, or is planned to be."""
        return {
            step(metadata["op"], metadata["urn"])
            for metadata in self.steps
            if metadata["op"] in CHANGING and not metadata["type"].startswith(NO_RESOURCE)
        }

    @property
    def failed(self) -> set[Step]:
        """The operations that the cloud refused or that broke."""
        events = (event["resOpFailedEvent"]["metadata"] for event in self.events if "resOpFailedEvent" in event)
        return {step(metadata["op"], metadata["urn"]) for metadata in events}

    @property
    def messages(self) -> str:
        """The warnings and errors, one after the other."""
        found = (event["diagnosticEvent"] for event in self.events if "diagnosticEvent" in event)
        shown = (message["message"] for message in found if message["severity"] in ("warning", "error"))
        return "".join(_COLOUR.sub("", message) for message in shown)

    @property
    def violations(self) -> dict[str, list[str]]:
        """What the policy pack forbids, by the name of the rule; not what it could not judge yet in a preview."""
        found: dict[str, list[str]] = {}
        for event in self.events:
            violation = event.get("policyEvent")
            if violation and violation["enforcementLevel"] == "mandatory":
                found.setdefault(violation["policyName"], []).append(_COLOUR.sub("", violation["message"]))
        return found


@dataclass(frozen=True)
class Deployment:
    """A stack in a copy of the repository, with a state (a file backend), a cloud and a data plane of its own."""

    directory: Path
    stack: str
    state: Path
    environment: Mapping[str, str]
    cloud: Cloud
    plane: DataPlane

    def run(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """``pulumi <arguments>`` on this stack, to its end; ``given`` is its standard input."""
        process = self._started(*arguments, stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL)
        try:
            output, errors = process.communicate(given, timeout=LONGEST_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill(process)
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start(self, operation: str) -> subprocess.Popen[str]:
        """An operation that is left running."""
        return self._started(operation, "--yes", "--skip-preview", stdin=subprocess.DEVNULL)

    def _started(self, *arguments: str, stdin: int) -> subprocess.Popen[str]:
        """The CLI, in a session of its own."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.directory,
            env=self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def command(self, *arguments: str) -> list[str]:
        """The command line of ``pulumi <arguments>`` on this stack."""
        return ["pulumi", *arguments, "--stack", self.stack, "--non-interactive", "--color", "never"]

    def preview(self, *options: str) -> Outcome:
        """What an update would do."""
        return self._operate("preview", *options)

    def up(self, *options: str, preview: bool = False) -> Outcome:
        """An update, straight away unless ``preview``."""
        return self._operate("up", "--yes", *([] if preview else ["--skip-preview"]), *options)

    def refresh(self, *options: str) -> Outcome:
        """What the cloud really holds, taken over into the state."""
        skip = () if "--preview-only" in options else ("--yes", "--skip-preview")
        return self._operate("refresh", *skip, *options)

    def destroy(self, *options: str) -> Outcome:
        """Take everything down, with the preview that stops before the first deletion when something is protected."""
        return self._operate("destroy", "--yes", *options)

    def _operate(self, operation: str, *options: str) -> Outcome:
        """Run an operation of the engine to its end."""
        log = self.state.with_suffix(".events")
        log.unlink(missing_ok=True)
        started = time.monotonic()
        done = self.run(operation, *options, "--suppress-permalink", "--event-log", str(log))
        events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return Outcome(done.returncode, done.stdout + done.stderr, events, time.monotonic() - started)

    @staticmethod
    def kill(process: subprocess.Popen[str]) -> None:
        """End an update as a lost machine would: at once, with the program and the plugins that it runs."""
        for pid in [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]:
            with contextlib.suppress(ProcessLookupError):
                if os.getsid(pid) == process.pid:
                    os.kill(pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()

    def export(self) -> dict[str, Any]:
        """The state, secrets encrypted."""
        done = self.run("stack", "export")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @property
    def known(self) -> list[dict[str, Any]]:
        """What of the cloud the state knows."""
        found = self.export()["deployment"].get("resources", [])
        return [resource for resource in found if resource["type"].startswith(PACKAGES)]

    def assert_agreement(self) -> None:
        """State and cloud hold the same things, each once: nothing is lost, nothing is doubled."""
        known = [(resource["urn"], resource["id"]) for resource in self.known]
        held = [(record.urn, record.id) for record in self.cloud]
        assert set(held) - set(known) == set(), "the state has lost these"
        assert set(known) - set(held) == set(), "the cloud has lost these"
        assert len({urn for urn, _ in held}) == len(held) == len(known), "some exist twice"

    def configure(self, values: Mapping[str, Any]) -> None:
        """Write plain settings (``service`` or ``service.minReplicas``, None removes) into the stack's file."""
        file = self.directory / f"Pulumi.{self.stack}.yaml"
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        for path, value in values.items():
            key, *inner = path.split(".")
            place, last = found["config"], key if ":" in key else f"{PROJECT}:{key}"
            for name in inner:
                place, last = place.setdefault(last, {}), name
            if value is None:
                place.pop(last, None)
            else:
                place[last] = value
        file.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")

    def set_secret(self, key: str, value: str) -> None:
        """``pulumi config set --secret``, the value by standard input."""
        done = self.run("config", "set", "--secret", key, given=value)
        assert done.returncode == 0, done.stderr

    def edit(self, file: str, old: str, new: str) -> None:
        """Change the copied program: replace ``old``, which must stand there, by ``new``."""
        path = self.directory / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")
