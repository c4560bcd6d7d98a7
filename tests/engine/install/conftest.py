"""The machine on which these tests look for Pulumi."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.install.machine import Machine, link_tools


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without Pulumi and Go, whose downloads fail at once at a proxy that is not there."""
    machine = Machine(tmp_path, monkeypatch)
    link_tools(machine.path)
    nobody = "http://127.0.0.1:9"
    machine.set(
        PATH=str(machine.path), HOME=str(tmp_path / "home"), XDG_CACHE_HOME=str(tmp_path / "cache"),
        PULUMI_HOME=str(tmp_path / "pulumi-home"), https_proxy=nobody, HTTPS_PROXY=nobody, no_proxy="", NO_PROXY="",
    )  # fmt: skip
    return machine
