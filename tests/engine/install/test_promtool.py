"""Getting promtool: one on the PATH that is new enough, else the one that was built, else a build."""

from __future__ import annotations

import pytest

from components.aws import settings as aws
from engine import build, promtool
from tests.engine.install.machine import Machine


def add(machine: Machine, version: str) -> None:
    """Put a promtool on the PATH that says its version as Debian's does."""
    machine.add(machine.path / "promtool", f"#!/bin/sh\necho 'promtool, version {version}+ds (branch: x)'\n")


def test_a_promtool_on_the_path_is_taken_when_it_is_new_enough(machine: Machine) -> None:
    add(machine, "2.45.0")
    assert promtool.find() == machine.path / "promtool"


@pytest.mark.parametrize("version", ["2.42.0", "1.8.0"])
def test_an_older_one_is_passed_by(machine: Machine, version: str) -> None:
    add(machine, version)
    assert promtool.find() is None


def test_one_that_does_not_run_is_passed_by(machine: Machine) -> None:
    machine.add(machine.path / "promtool", "#!/nowhere\n")
    assert promtool.find() is None


def test_what_was_built_once_is_found_again_without_go(machine: Machine) -> None:
    add(machine, "2.42.0")
    machine.add_go()
    built = promtool.get(print)
    assert built == build.promtool_file()
    (call,) = machine.builds
    assert "github.com/prometheus/prometheus/cmd/promtool" in call
    assert f"version.Version={build.promtool_version()}" in call
    (machine.path / "go").unlink()
    assert promtool.get(print) == built


def test_where_nothing_can_be_built_the_command_says_why_and_fails(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.set(GOPROXY="off")
    assert promtool.run_get() == 1
    assert "promtool: no go on the PATH; install Go" in capsys.readouterr().err


def test_it_is_the_version_of_the_agents_image() -> None:
    assert f":v{build.promtool_version()}@" in aws.PROMETHEUS
