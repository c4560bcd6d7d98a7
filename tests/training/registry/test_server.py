"""The registry on a real MLflow server with PostgreSQL: shared by machines, killed in the middle, back again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.artifact import load
from tests.training.registry.conftest import SMALL, Desk
from tests.training.registry.server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.mlflow, pytest.mark.timeout(1200)]
TOLERANT = ("--set", "gate.classification.tolerance=1")


def desks(tmp_path: Path, server: Server) -> tuple[Desk, Desk]:
    """Two machines that share a registry, with a model that no other test has."""
    name = re.sub("[^a-z0-9]+", "-", tmp_path.name)[:40]
    return (
        Desk(tmp_path / "one" / "artifacts", server.uri, name),
        Desk(tmp_path / "two" / "artifacts", server.uri, name),
    )


def test_machines_share_the_champion(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = desks(tmp_path, server)
    one.ok("retrain", "--promote")
    first = one.current
    # A machine that has nothing compares with the registry's champion, and registers a challenger of it.
    assert f"{first}, the registry's champion, is the current model now" in two.ok("retrain", "--seed", "7", *TOLERANT)
    assert load(two.model).directory.name == first
    [second] = set(two.versions) - {first}
    assert two.state(monkeypatch) == (sorted([first, second]), first, second, 0)
    # What is promoted on one machine is fetched, whole, by the other.
    two.ok("promote", two.name)
    one.ok("fetch", one.name)
    assert (one.current, two.current) == (second, second)
    assert (one.model / second / "model.onnx").read_bytes() == (two.model / second / "model.onnx").read_bytes()
    one.ok("rollback", one.name)
    assert one.state(monkeypatch)[1] == first
    assert f"{first}, the registry's champion" in two.ok("sync", two.name)
    assert two.current == first


def test_a_champion_that_was_chosen_elsewhere_meanwhile_is_not_overruled(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = desks(tmp_path, server)
    one.ok("retrain", "--promote")
    first = one.current
    two.ok("fetch", two.name)
    server.kill()
    assert "waits for the next training" in two.ok("--seed", "7", *TOLERANT)
    offline = two.current
    server.start()
    one.ok("--seed", "8", *TOLERANT)
    chosen = one.current
    assert f"{chosen} has become the champion meanwhile, so {offline} is its challenger" in two.ok("sync", two.name)
    assert len({first, offline, chosen}) == 3
    assert two.state(monkeypatch)[1:] == (chosen, offline, 0)
    assert two.current == chosen


def test_a_server_that_dies_while_a_version_is_uploaded_gets_it_once_from_the_next_training(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, other = desks(tmp_path, server)
    desk.artifacts.mkdir(parents=True)
    dying = (
        "import mlflow\n"
        "upload = mlflow.MlflowClient.log_artifacts\n"
        "def die(client, run, source, path):\n"
        f"    if path == 'model': os.killpg({server.pid}, signal.SIGKILL)\n"
        "    upload(client, run, source, path)\n"
        "mlflow.MlflowClient.log_artifacts = die"
    )
    process = desk.start("retrain", "--promote", "--name", desk.name, *SMALL, before=dying)
    output, _ = process.communicate(timeout=280)
    assert process.returncode == 0, output
    assert "waits for the next training" in output
    first = desk.current
    server.kill()
    server.start()
    assert desk.state(monkeypatch) == ([], None, None, 1)
    assert desk.run("retrain", "--promote").exit_code == 3
    assert desk.state(monkeypatch) == ([first], first, None, 0)
    registry = desk.registry(monkeypatch)
    assert len(registry.look().versions) == 1
    other.ok("fetch", other.name)
    assert load(other.model).manifest == load(desk.model).manifest


def test_equal_trainings_of_two_machines_at_once_leave_one_version(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = desks(tmp_path, server)
    # Each waits for the other where a model version is made, so that both have looked and found none.
    together = (
        "import mlflow, pathlib, time\n"
        "make = mlflow.MlflowClient.create_model_version\n"
        "def wait(*arguments, **named):\n"
        f"    pathlib.Path({str(tmp_path)!r}, str(os.getpid()) + '.here').touch()\n"
        "    end = time.monotonic() + 200\n"
        f"    while len(list(pathlib.Path({str(tmp_path)!r}).glob('*.here'))) < 2 and time.monotonic() < end:\n"
        "        time.sleep(0.05)\n"
        "    return make(*arguments, **named)\n"
        "mlflow.MlflowClient.create_model_version = wait"
    )
    for desk in (one, two):
        desk.artifacts.mkdir(parents=True)
    running = [desk.start("retrain", "--promote", "--name", desk.name, *SMALL, before=together) for desk in (one, two)]
    outputs = [process.communicate(timeout=280)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    [version] = one.versions
    assert two.versions == [version]
    assert len(list(tmp_path.glob("*.here"))) == 2, outputs
    for desk in (one, two):
        assert desk.state(monkeypatch) == ([version], version, None, 0), outputs


def test_different_trainings_at_once_are_both_registered_and_one_is_the_champion(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = desks(tmp_path, server)
    for desk in (one, two):
        desk.artifacts.mkdir(parents=True)
    options = ("retrain", "--promote", "--name", one.name, *SMALL, *TOLERANT)
    running = [one.start(*options), two.start(*options, "--seed", "7")]
    outputs = [process.communicate(timeout=280)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    for desk in (one, two):
        desk.ok("sync", desk.name)
    versions, champion, _, waiting = one.state(monkeypatch)
    assert (len(versions), waiting) == (2, 0)
    assert {champion} == {one.current, two.current}


def test_files_altered_on_the_server_are_refused(tmp_path: Path, server: Server) -> None:
    one, two = desks(tmp_path, server)
    one.ok("retrain", "--promote")
    [stored] = [
        file.parent / "model.onnx" for file in server.files.rglob("manifest.json") if one.current in file.read_text()
    ]
    stored.write_bytes(stored.read_bytes()[:-1])
    result = two.run("fetch", two.name)
    assert result.exit_code == 2
    assert "of the registry is refused: model.onnx: altered or truncated" in result.stderr
    assert {path.name for path in two.model.iterdir()} == {".lock"}
