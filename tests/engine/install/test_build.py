"""Building the engine: never a half program, one build at a time, and reasons in one line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine import build, install
from tests.engine.install.machine import Machine, kill


def failure() -> str:
    """The message of a build that fails."""
    with pytest.raises(build.InstallError) as caught:
        build.build_engine(print)
    return str(caught.value)


def left_over() -> list[Path]:
    """What stands in the cache beside locks and logs."""
    return [path for path in build.cache().iterdir() if path.name != "lock" and path.suffix != ".log"]


def test_a_build_gives_an_engine_that_is_found_without_go_ever_after(machine: Machine) -> None:
    machine.add_go()
    engine = install.get(print)
    assert (engine.version, engine.way) == (install.MINIMUM, "Go build")
    assert {path.name for path in engine.pulumi.parent.iterdir()} == {
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-resource-pulumi-python",
        "pulumi-analyzer-policy-python",
    }
    (machine.path / "go").unlink()
    assert install.get(print) == engine


def test_the_modules_are_built_as_they_are_pinned(machine: Machine) -> None:
    machine.add_go()
    build.build_engine(print)
    assert len(machine.builds) == 2
    assert all("-mod=readonly" in call for call in machine.builds)


def test_a_changed_pin_is_built_anew(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.add_go()
    first = build.build_engine(print)
    modules = shutil.copytree(build.MODULES, tmp_path / "modules")
    with (modules / "host" / "go.sum").open("a") as sums:
        sums.write("\n")
    monkeypatch.setattr(build, "MODULES", modules)
    assert build.build_engine(print) != first


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "reading https://proxy.example/a/@v/v1.zip: 403 Forbidden",
            "the Go module proxy refuses https://proxy.example/a/@v/v1.zip (403 Forbidden); set GOPROXY",
        ),
        ("dial tcp: lookup proxy.example: no such host", "the Go module proxy cannot be reached"),
        ("write /tmp/x.a: no space left on device", "the disk is full"),
        ("verifying a@v1: checksum mismatch", "not the one that go.sum names"),
        ("compile: signal: killed", "out of memory"),
        ("first\nthe last line", "the last line (all that Go said: "),
    ],
)
def test_a_failed_build_is_told_in_one_line_and_leaves_nothing(machine: Machine, said: str, told: str) -> None:
    machine.add_go()
    machine.set(GO_SAYS=said)
    assert told in failure()
    assert left_over() == []


def test_a_go_that_is_too_old_is_named_with_its_version(machine: Machine) -> None:
    machine.add_go()
    machine.set(GO_VERSION="go1.19.8")
    assert f"{machine.path / 'go'} is go1.19.8; install Go 1.26 or newer" in failure()
    assert machine.builds == []


def test_a_cli_that_does_not_answer_with_its_version_is_not_kept(machine: Machine) -> None:
    machine.add_go()
    machine.add(machine.root / "built", "#!/bin/sh\necho cannot start >&2\n")
    assert failure() == "the CLI just built does not run: cannot start"
    assert left_over() == []


def test_a_cache_that_cannot_be_made_is_an_error_with_its_reason(machine: Machine) -> None:
    machine.add_go()
    (machine.root / "cache").write_text("a file where a folder should be")
    assert "Not a directory" in failure()


def test_a_killed_build_leaves_no_engine_and_does_not_hinder_the_next(machine: Machine) -> None:
    machine.add_go()
    machine.set(GO_SECONDS="3")
    first = machine.start_install()
    machine.wait_for_build()
    kill(first)
    assert install.find() is None
    machine.set(GO_SECONDS="0")
    assert install.get(print).way == "Go build"
    assert left_over() == [build.engine_folder()]


def test_two_that_need_the_engine_at_once_share_one_build(machine: Machine) -> None:
    machine.add_go()
    machine.set(GO_SECONDS="1")
    first = machine.start_install()
    machine.wait_for_build()
    second = machine.start_install()
    answers = {process.communicate(timeout=120)[0].strip() for process in (first, second)}
    assert answers == {str(build.engine_folder() / "pulumi")}
    assert len(machine.builds) == 2  # the CLI and the language host, once each
