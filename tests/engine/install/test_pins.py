"""What the Go modules pin agrees with the rest of the repository."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest

from engine import build, install, plugin


def test_the_oldest_engine_accepted_is_the_one_that_is_built_and_tested() -> None:
    assert build.pinned("cli", build.CLI) == install.MINIMUM


def test_the_plugin_is_that_of_the_python_package() -> None:
    assert plugin.version() == version("pulumi-docker-build")


@pytest.mark.parametrize("folder", ["cli", "host", "docker-build", "promtool"])
def test_every_module_that_is_downloaded_for_itself_has_its_hash(folder: str) -> None:
    mod, sums = ((build.MODULES / folder / name).read_text() for name in ("go.mod", "go.sum"))
    direct = re.findall(r"^require (\S+) (\S+)$", mod, re.M)
    assert direct
    for module, pinned in direct:
        assert f"{module} {pinned} h1:" in sums
