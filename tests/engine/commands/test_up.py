"""`make up`, `make refresh` and `make destroy` with the real engine."""

from __future__ import annotations

import signal
import stat
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.engine.commands.conftest import Project
from tests.engine.driver import kill_with_descendants

pytestmark = pytest.mark.engine

DATA = {"bucket", "log"}


def test_a_first_up_keeps_the_state_and_a_passphrase_in_the_checkout_says_so_and_leaves_it_clean(
    project: Project,
) -> None:
    before = (project.directory / "Pulumi.dev.yaml").read_bytes()
    done = project.engine("up", "--yes")
    assert done.returncode == 0, done.stderr
    assert "+ 4 created" in done.stdout
    folder = project.directory / ".pulumi"
    assert f"the state is kept in {folder}" in done.stderr
    assert f"made a passphrase for its secrets: {folder / 'passphrase'}" in done.stderr
    assert stat.S_IMODE((folder / "passphrase").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "stacks/mlplatform/dev.json").is_file()
    assert (project.directory / "Pulumi.dev.yaml").read_bytes() == before

    again = project.engine("up", "--yes")
    assert again.returncode == 0, again.stderr
    assert "4 unchanged" in again.stdout
    assert "made a passphrase" not in again.stderr


def test_a_plan_that_replaces_what_holds_data_is_refused_until_it_is_named(deployed: Project) -> None:
    deployed.configure(name="second")
    refused = deployed.engine("up", "--yes")
    assert refused.returncode == 1
    lines = refused.stderr.splitlines()
    [first] = [number for number, line in enumerate(lines) if line.startswith("replace (holds data)")]
    assert "bucket  because of name" in lines[first]
    assert lines[first + 1].startswith("replace  ")
    assert lines[first + 2].startswith("refused: the data in 1 of them would be lost")
    assert lines[first + 2].endswith('make up STACK=dev REPLACE="bucket"')
    assert deployed.protected() == DATA

    wrong = deployed.engine("up", "--yes", "--replace", "log")
    assert wrong.returncode == 1

    named = deployed.engine("up", "--yes", "--replace", "bucket")
    assert named.returncode == 0, named.stdout + named.stderr
    assert "+-2 replaced" in named.stdout
    assert deployed.protected() == DATA


def test_dropping_the_protection_with_the_change_that_loses_the_data_is_refused_as_well(deployed: Project) -> None:
    # The engine alone lets this pass: it asks the program's new flag.
    deployed.configure(name="second", dropped=True, protect=False)
    refused = deployed.engine("up", "--yes")
    assert refused.returncode == 1
    assert 'REPLACE="bucket log"' in refused.stderr


def test_protection_taken_off_the_state_does_not_pass_a_replacement(deployed: Project) -> None:
    assert (
        deployed.pulumi("state", "unprotect", "--all", "--yes", "--stack", "dev", **deployed.exported()).returncode == 0
    )
    deployed.configure(name="second")
    refused = deployed.engine("up", "--yes")
    assert refused.returncode == 1
    assert 'REPLACE="bucket"' in refused.stderr


def test_an_update_that_fails_after_a_name_was_told_leaves_the_protection_on(deployed: Project) -> None:
    deployed.configure(name="second")
    lock = deployed.directory / ".pulumi/locks/organization/mlplatform/dev"
    lock.mkdir(parents=True, exist_ok=True)
    (lock / "left-behind.json").write_text('{"pid": 1, "username": "u", "hostname": "h"}')
    failed = deployed.engine("up", "--yes", "--replace", "bucket")
    assert failed.returncode != 0
    (lock / "left-behind.json").unlink()
    assert deployed.protected() == DATA


def test_what_the_policy_pack_refuses_is_shown_in_its_words_and_nothing_is_done(deployed: Project) -> None:
    deployed.configure(size=13)
    refused = deployed.engine("up", "--yes")
    assert refused.returncode != 0
    assert "size is 13; choose another" in refused.stdout
    assert "Updating" not in refused.stdout


def test_a_killed_update_leaves_a_lock_and_doubts_and_each_is_told_with_the_next_step(
    deployed: Project, creating: Callable[[float], subprocess.Popen[str]]
) -> None:
    update = creating(60)
    state = deployed.directory / ".pulumi/stacks/mlplatform/dev.json"
    while "pending_operations" not in state.read_text():
        time.sleep(0.1)
    kill_with_descendants(update)
    update.wait()

    doubtful = deployed.engine("up", "--yes")
    assert doubtful.returncode == 1
    assert "pulumi-python:dynamic:Resource::slow" in doubtful.stderr
    assert "make refresh STACK=dev ARGS='--yes --clear-pending-creates'" in doubtful.stderr

    locked = deployed.engine("refresh", "--yes", "--clear-pending-creates")
    assert locked.returncode != 0
    assert "currently locked" in locked.stderr
    assert 'eval "$(make env)"; pulumi cancel --stack dev' in locked.stderr

    own = deployed.exported()
    assert deployed.pulumi("cancel", "--yes", "--stack", "dev", **own).returncode == 0
    assert deployed.engine("refresh", "--yes", "--clear-pending-creates").returncode == 0
    deployed.configure()
    resumed = deployed.engine("up", "--yes")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr


def test_a_cancelled_run_ends_in_order_and_leaves_no_lock(
    deployed: Project, creating: Callable[[float], subprocess.Popen[str]]
) -> None:
    update = creating(3)
    update.send_signal(signal.SIGTERM)  # to our process alone, as make does
    rest, _ = update.communicate(timeout=60)
    assert update.returncode != 0
    assert "SIGTERM received; cancelling" in rest
    assert not list((deployed.directory / ".pulumi/locks").rglob("*.json"))
    assert deployed.engine("up", "--yes").returncode == 0


def test_a_stack_that_holds_data_is_taken_down_only_with_it(deployed: Project) -> None:
    refused = deployed.engine("destroy", "--yes")
    assert refused.returncode == 1
    assert "Resource::bucket" in refused.stderr
    assert "make destroy STACK=dev ARGS=--with-data" in refused.stderr
    assert deployed.protected() == DATA
    gone = deployed.engine("destroy", "--yes", "--with-data")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert "4 deleted" in gone.stdout


def test_the_users_own_commands_meet_the_same_state_and_secrets(deployed: Project) -> None:
    own = deployed.exported()
    url = deployed.pulumi("stack", "output", "url", "--stack", "dev", **own)
    assert url.stdout.strip() == "http://127.0.0.1:8080"
    secret = ("config", "set", "--secret", "hook", "sesame", "--stack", "dev")
    assert deployed.pulumi(*secret, **own).returncode == 0
    assert "sesame" not in (deployed.directory / "Pulumi.dev.yaml").read_text()
    assert deployed.pulumi("up", "--yes", "--stack", "dev", **own).returncode == 0
    # Ours goes on with the file that Pulumi wrote, in the same shell and in a new one.
    for variables in (own, {}):
        done = deployed.engine("up", "--yes", **variables)
        assert done.returncode == 0, done.stderr
        assert "4 unchanged" in done.stdout


def test_refresh_passes_its_options_and_exit_status_on(deployed: Project) -> None:
    shown = deployed.engine("refresh", "--preview-only")
    assert shown.returncode == 0, shown.stderr
    assert "4 unchanged" in shown.stdout
    assert deployed.engine("refresh", "--no-such-option").returncode != 0
    assert deployed.engine("preview", "--expect-no-changes").returncode == 0
    deployed.configure(size=2)
    assert deployed.engine("preview", "--expect-no-changes").returncode != 0
