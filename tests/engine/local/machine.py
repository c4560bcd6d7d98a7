"""What the tests of the local stack do with this machine beside Pulumi: Docker's command line and a training."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Docker:
    """The Docker command line."""

    program: str

    def __call__(self, *arguments: str) -> str:
        """What ``docker <arguments>`` prints; the test fails where it does."""
        environment = os.environ | {"DOCKER_BUILDKIT": "1"}
        done = subprocess.run([self.program, *arguments], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    def having(self, label: str) -> dict[str, set[str]]:
        """The containers, networks and volumes with a label."""
        listings = {"container": ["ps", "--all"], "network": ["network", "ls"], "volume": ["volume", "ls"]}
        return {
            kind: set(self(*listing, "--quiet", "--filter", f"label={label}").split())
            for kind, listing in listings.items()
        }

    def remove(self, label: str) -> None:
        """Remove the containers, networks and volumes with a label."""
        found = self.having(label)
        for kind, force in (("container", ["--force"]), ("network", []), ("volume", [])):
            if found[kind]:
                self(kind, "rm", *force, *found[kind])


def train(directory: Path, *arguments: str) -> Path:
    """Train in a copy of the repository."""
    command = [sys.executable, "-m", "training", *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return directory
