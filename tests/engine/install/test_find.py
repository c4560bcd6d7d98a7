"""Looking for an engine that is there: what is taken, what is not, and that looking changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
from pathlib import Path

import pytest

from engine import build, install
from tests.engine.install.machine import Machine


def test_without_an_engine_there_is_none_and_nothing_is_written(machine: Machine) -> None:
    assert install.find() is None
    assert sorted(path.name for path in machine.root.iterdir()) == ["bin"]


def test_go_alone_is_not_asked_to_build(machine: Machine) -> None:
    machine.add_go()
    assert install.find() is None
    assert machine.calls == []


def test_an_engine_on_the_path_is_used(machine: Machine) -> None:
    pulumi = machine.add_pulumi(machine.path, "4.0.1")
    assert install.find() == install.Engine(pulumi, "4.0.1", "PATH")


def test_a_prerelease_counts_as_its_release(machine: Machine) -> None:
    machine.add_pulumi(machine.path, f"{install.MINIMUM}-alpha.1+dirty")
    engine = install.find()
    assert engine is not None
    assert engine.version == install.MINIMUM


def test_an_engine_that_is_a_link_has_its_host_beside_the_file_it_leads_to(machine: Machine) -> None:
    (machine.path / "pulumi").symlink_to(machine.add_pulumi(machine.root / "opt"))
    engine = install.find()
    assert engine is not None
    assert engine.pulumi == machine.path / "pulumi"


def test_an_engine_of_the_sdks_installer_is_found(machine: Machine) -> None:
    folder = machine.root / "home" / ".pulumi" / "versions" / importlib.metadata.version("pulumi") / "bin"
    machine.add_pulumi(folder)
    engine = install.find()
    assert engine is not None
    assert (engine.pulumi.parent, engine.way) == (folder, "SDK's installer")


def test_a_built_engine_is_used_where_the_path_has_one_that_is_too_old(machine: Machine) -> None:
    machine.add_pulumi(machine.path, "3.9.0")
    built = machine.add_pulumi(build.engine_folder())
    assert install.find() == install.Engine(built, install.MINIMUM, "Go build")


def test_the_environment_puts_the_engine_first_and_keeps_the_rest(machine: Machine) -> None:
    engine = install.Engine(machine.root / "engine" / "pulumi", install.MINIMUM, "Go build")
    environment = engine.environment({"PATH": "/bin", "A": "b"})
    assert environment == {"PATH": f"{machine.root / 'engine'}{os.pathsep}/bin", "A": "b"}
    assert engine.environment({})["PATH"] == str(machine.root / "engine")


@pytest.mark.engine
def test_the_engine_that_is_here_answers_its_version() -> None:
    engine = install.find()
    assert engine is not None
    command = ["pulumi", "version"]
    answer = subprocess.run(command, env=engine.environment(), capture_output=True, text=True, check=True)
    assert engine.version in answer.stdout


@pytest.mark.engine
@pytest.mark.plugin
def test_the_engine_that_is_here_lists_the_plugin(tmp_path: Path) -> None:
    engine = install.find()
    assert engine is not None
    command = ["pulumi", "plugin", "ls"]
    answer = subprocess.run(command, env=engine.environment(), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "docker-build" in answer.stdout
