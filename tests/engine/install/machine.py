"""A machine of a test's own: what its PATH, home and caches hold, with programs that behave as they are told."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import build, install

REPOSITORY = Path(__file__).resolve().parents[3]

# Answers as Go does, notes each call in GO_CALLS and "builds" the program GO_BUILDS.
GO = """#!/bin/sh
echo "$*" >> "$GO_CALLS"
case "$1" in
  version) echo "go version ${GO_VERSION:-go1.26.8} linux/amd64" ;;
  list) echo "$GO_MODULE" ;;
  build)
    [ -z "$GO_SAYS" ] || { echo "$GO_SAYS" >&2; exit 1; }
    while [ "$1" != -o ]; do shift; done
    printf half > "$2"
    sleep "${GO_SECONDS:-0}"
    rm "$2" && cp "$GO_BUILDS" "$2" ;;
esac
"""

# Knows its version, and installs a plugin from a file but not from the internet.
PULUMI = """#!/bin/sh
case "$1" in
  version) echo v{version} ;;
  plugin)
    [ "$6" = --file ] || {{ echo "error: failed to download plugin" >&2; exit 255; }}
    mkdir -p "$PULUMI_HOME/plugins/$4-$5" && folder="$PULUMI_HOME/plugins/resource-$4-$5"
    mkdir -p "$folder" && cp "$7" "$folder" ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """Folders of a machine on which nothing is installed, and whose way to the internet is shut."""

    root: Path
    monkeypatch: pytest.MonkeyPatch

    @property
    def path(self) -> Path:
        """The only folder on the PATH."""
        return self.root / "bin"

    @property
    def calls(self) -> list[str]:
        """What the machine's Go was asked for, one line a call."""
        file = self.root / "calls"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def builds(self) -> list[str]:
        """The calls of Go that build."""
        return [call for call in self.calls if call.startswith("build")]

    def set(self, **variables: str) -> None:
        """Set environment variables."""
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    def add(self, file: Path, text: str) -> Path:
        """Write an executable script."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
        return file

    def add_pulumi(self, folder: Path, version: str = install.MINIMUM, *, host: bool = True) -> Path:
        """Put a CLI into ``folder``, with its language host unless told otherwise."""
        if host:
            self.add(folder / install.HOST, "#!/bin/sh\n")
        return self.add(folder / "pulumi", PULUMI.format(version=version))

    def add_go(self) -> None:
        """Put Go on the PATH; it builds a CLI that answers the pinned version."""
        module = self.root / "module"
        for _, script in build.SCRIPTS:
            self.add(module / script, "#!/bin/sh\n")
        built = self.add(self.root / "built", PULUMI.format(version=install.MINIMUM))
        self.add(self.path / "go", GO)
        self.set(GO_CALLS=str(self.root / "calls"), GO_MODULE=str(module), GO_BUILDS=str(built))

    def start_install(self) -> subprocess.Popen[str]:
        """Start to get the engine in a process of its own; it prints the engine's file."""
        code = "from engine import install; print(install.get([].append).pulumi)"
        return subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)

    def wait_for_build(self) -> None:
        """Wait until Go has begun to build."""
        deadline = time.monotonic() + 60
        while not list(build.cache().glob(".building-*/pulumi")):
            assert time.monotonic() < deadline, "no build began"
            time.sleep(0.02)


def kill(process: subprocess.Popen[str]) -> None:
    """End ``process`` as the system does when memory runs out."""
    process.kill()
    process.communicate()


def link_tools(folder: Path) -> None:
    """The few system programs that the scripts above use."""
    folder.mkdir()
    for tool in ("cp", "mkdir", "rm", "sleep"):
        found = shutil.which(tool)
        assert found is not None
        (folder / tool).symlink_to(found)
