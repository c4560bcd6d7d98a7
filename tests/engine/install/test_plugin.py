"""Getting the plugin that builds images."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine import install, plugin
from tests.engine.install.machine import Machine


def test_a_plugin_that_cannot_be_downloaded_is_built_and_installed_by_the_cli(machine: Machine) -> None:
    machine.add_go()
    machine.add_pulumi(machine.path)
    assert plugin.find(os.environ) is None
    folder = plugin.get(os.environ, print)
    assert folder == machine.root / "pulumi-home" / "plugins" / f"resource-docker-build-v{plugin.version()}"
    assert plugin.find(os.environ) == folder


def test_another_home_gets_the_plugin_without_a_second_build(machine: Machine) -> None:
    machine.add_go()
    machine.add_pulumi(machine.path)
    plugin.get(os.environ, print)
    other = {**os.environ, "PULUMI_HOME": str(machine.root / "other")}
    assert plugin.get(other, print).is_relative_to(machine.root / "other")
    assert len(machine.builds) == 1


def test_a_plugin_that_the_cli_has_not_finished_unpacking_does_not_count(machine: Machine) -> None:
    machine.add_go()
    machine.add_pulumi(machine.path)
    folder = plugin.get(os.environ, print)
    Path(f"{folder}.partial").touch()
    assert plugin.find(os.environ) is None


def test_both_ways_are_named_where_neither_works(machine: Machine) -> None:
    machine.add_pulumi(machine.path)
    with pytest.raises(install.InstallError) as caught:
        plugin.get(os.environ, print)
    first, download, go = str(caught.value).splitlines()
    assert first.startswith(f"no way to get the plugin docker-build {plugin.version()}")
    assert download == "  download: error: failed to download plugin"
    assert go.startswith("  Go build: no go on the PATH")
