"""Getting the Pulumi engine: one on the PATH, the one that Pulumi's SDK installs, or one built from Go modules.

``find`` is quick and never installs anything; ``get`` tries the three ways in this order and says of each why it
failed. What was got once is found again: the SDK's installer keeps it in ``~/.pulumi/versions``, a build in our cache.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from engine import build, plugin
from engine.build import InstallError, Progress

# The oldest CLI that the tests run with: the one that engine/modules/cli pins.
MINIMUM = "3.258.0"
HOST = "pulumi-language-python"
INSTALLER_SECONDS = 600
CONNECT_SECONDS = 15

# The SDK's installer sets no limit of its own to a connection that nobody answers.
INSTALLER = f"""
import socket
socket.setdefaulttimeout({CONNECT_SECONDS})
from pulumi.automation import PulumiCommand
PulumiCommand.install()
"""

OWN = {"PYTHONUNBUFFERED": "1"}
"""A policy pack tells the engine its port without flushing; buffered, the engine would wait for it without end."""


@dataclass(frozen=True)
class Engine:
    """A Pulumi CLI with its Python language host: its file, its version (``3.258.0``) and which way gave it."""

    pulumi: Path
    version: str
    way: str

    def environment(self, base: Mapping[str, str] = os.environ) -> dict[str, str]:
        """``base`` with this engine first on the PATH, so that ``pulumi`` is this one."""
        path = os.pathsep.join(filter(None, [str(self.pulumi.parent), base.get("PATH")]))
        return {**base, "PATH": path}


def find() -> Engine | None:
    """The engine that is there, or None; takes a second at most and installs nothing."""
    return _first([_on_path, _of_the_sdk, _built], [])


def get(progress: Progress) -> Engine:
    """The engine that is there, or a new one; ``progress`` is told what is going on.

    Raises InstallError, whose message says of each of the three ways why it failed.
    """
    reasons: list[str] = []
    ways = [_on_path, partial(_by_the_sdk, progress), partial(_by_go, progress)]
    engine = find() or _first(ways, reasons)
    if engine is None:
        raise InstallError("\n  ".join([f"no way to get Pulumi {MINIMUM} or newer; tried in this order:", *reasons]))
    return engine


def environment(progress: Progress) -> dict[str, str]:
    """This process' environment for the commands of an engine, which is got if it is not there. Raises InstallError."""
    return {"PULUMI_SKIP_UPDATE_CHECK": "true", **get(progress).environment(), **OWN}


def run_install() -> int:
    """Get the engine and the plugin that builds images, say where they are; the exit status for a shell."""
    start = time.monotonic()

    def progress(line: str) -> None:
        print(f"pulumi: {line}", flush=True)

    try:
        engine = get(progress)
        progress(f"CLI {engine.version} in {engine.pulumi.parent} ({engine.way})")
    except InstallError as error:
        print(f"pulumi: {error}", file=sys.stderr)
        return 1
    try:
        progress(f"plugin docker-build {plugin.version()} in {plugin.get(engine.environment(), progress)}")
    except InstallError as error:
        # Only a stack that builds its own image needs it.
        print(f"pulumi: {error}", file=sys.stderr)
    progress(f"took {time.monotonic() - start:.0f} s")
    return 0


def _first(ways: list[Callable[[], Engine]], reasons: list[str]) -> Engine | None:
    """The engine of the first way that has one; why the others have none is added to ``reasons``."""
    for way in ways:
        try:
            return way()
        except InstallError as error:
            reasons.append(str(error))
    return None


def _on_path() -> Engine:
    """The CLI that the PATH leads to."""
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        raise InstallError("PATH: no pulumi there")
    return _usable(Path(pulumi), "PATH")


def _of_the_sdk() -> Engine:
    """The CLI that an earlier call of the SDK's installer left."""
    version = importlib.metadata.version("pulumi")
    return _usable(Path.home() / ".pulumi" / "versions" / version / "bin" / "pulumi", "SDK's installer")


def _built() -> Engine:
    """The CLI that an earlier build left."""
    return _usable(build.engine_folder() / "pulumi", "Go build")


def _by_the_sdk(progress: Progress) -> Engine:
    """Let Pulumi's SDK install the CLI of its own version."""
    progress("asking the SDK's installer for the CLI (get.pulumi.com)")
    # A session of its own: what the installer starts must end with it.
    with subprocess.Popen(  # noqa: S603 - fixed arguments
        [sys.executable, "-c", INSTALLER],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    ) as installer:  # fmt: skip
        try:
            output, _ = installer.communicate(timeout=INSTALLER_SECONDS)
        except BaseException as error:
            os.killpg(installer.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise InstallError(f"SDK's installer: not done after {INSTALLER_SECONDS} s; stopped") from error
            raise
    if installer.returncode != 0:
        last = (output.strip().splitlines() or ["failed without a word"])[-1]
        raise InstallError(f"SDK's installer: {last} (it downloads from get.pulumi.com)")
    return _of_the_sdk()


def _by_go(progress: Progress) -> Engine:
    """Build the CLI and the language host."""
    try:
        build.build_engine(progress)
    except InstallError as error:
        raise InstallError(f"Go build: {error}") from error
    return _built()


def _usable(pulumi: Path, way: str) -> Engine:
    """The engine at ``pulumi``, asked for its version, or an InstallError that says why it will not do."""
    if not pulumi.is_file():
        raise InstallError(f"{way}: no {pulumi}")
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(  # noqa: S603 - the program that is asked for
            [pulumi, "version"], env=environment, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(f"{way}: {pulumi} does not run ({error})") from error
    version = re.fullmatch(r"v?(\d+\.\d+\.\d+)\S*", answer.stdout.strip())
    if answer.returncode != 0 or version is None:
        raise InstallError(f"{way}: {pulumi} version: {(answer.stderr or answer.stdout).strip()[:200]}")
    if _numbers(version[1]) < _numbers(MINIMUM):
        raise InstallError(f"{way}: {pulumi} is {version[1]}; {MINIMUM} is the oldest that is tested")
    # The CLI looks for its language hosts on the PATH and beside its own file, links resolved.
    if shutil.which(HOST) is None and not os.access(pulumi.resolve().with_name(HOST), os.X_OK):
        raise InstallError(f"{way}: {pulumi} has no {HOST} beside it")
    return Engine(pulumi, version[1], way)


def _numbers(version: str) -> tuple[int, ...]:
    """``3.258.0`` as numbers that compare."""
    return tuple(int(part) for part in version.split("."))
