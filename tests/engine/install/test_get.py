"""Getting an engine: the order of the ways, and an error that says of each why it failed."""

from __future__ import annotations

import socket

import pytest

from engine import install
from tests.engine.install.machine import Machine


def failure() -> str:
    """The message of an engine that cannot be got."""
    with pytest.raises(install.InstallError) as caught:
        install.get(print)
    return str(caught.value)


def test_an_engine_that_is_there_costs_no_download_and_no_build(machine: Machine) -> None:
    machine.add_go()
    machine.add_pulumi(machine.path)
    said: list[str] = []
    assert install.get(said.append).way == "PATH"
    assert (said, machine.calls) == ([], [])


@pytest.mark.usefixtures("machine")
def test_a_machine_with_nothing_is_told_why_each_of_the_three_ways_failed() -> None:
    first, path, installer, go = failure().splitlines()
    assert first == f"no way to get Pulumi {install.MINIMUM} or newer; tried in this order:"
    assert path == "  PATH: no pulumi there"
    assert installer.startswith("  SDK's installer: ")
    assert "refused" in installer
    assert go.startswith("  Go build: no go on the PATH; install Go 1.26 or newer")


def test_a_cli_that_is_too_old_is_named_with_its_version(machine: Machine) -> None:
    pulumi = machine.add_pulumi(machine.path, "3.99.0")
    assert f"PATH: {pulumi} is 3.99.0; {install.MINIMUM} is the oldest that is tested" in failure()


def test_a_cli_without_its_language_host_is_refused(machine: Machine) -> None:
    pulumi = machine.add_pulumi(machine.path, host=False)
    assert f"PATH: {pulumi} has no pulumi-language-python beside it" in failure()


def test_a_cli_that_does_not_run_is_refused_with_what_it_said(machine: Machine) -> None:
    pulumi = machine.add(machine.path / "pulumi", "#!/bin/sh\necho no such library >&2; exit 127\n")
    assert f"PATH: {pulumi} version: no such library" in failure()


def test_an_installer_that_nobody_answers_is_stopped(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        machine.set(https_proxy=f"http://127.0.0.1:{port}", HTTPS_PROXY=f"http://127.0.0.1:{port}")
        monkeypatch.setattr(install, "INSTALLER_SECONDS", 2)
        assert "SDK's installer: not done after 2 s; stopped" in failure()


def test_without_an_engine_the_command_fails_and_says_so(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert install.run_install() == 1
    assert "no way to get Pulumi" in capsys.readouterr().err
    machine.add_pulumi(machine.path)
    assert install.run_install() == 0
    output = capsys.readouterr()
    assert f"pulumi: CLI {install.MINIMUM} in {machine.path} (PATH)" in output.out
    assert "no way to get the plugin docker-build" in output.err
