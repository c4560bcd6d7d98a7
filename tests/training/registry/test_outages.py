"""No registry for a while, or none at all: the training succeeds, and what it was to tell waits in its place."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST

from tests.training.registry.conftest import Desk


def test_an_outage_delays_the_registration_and_shows_no_password(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    away = {"MLFLOW_TRACKING_URI": f"http://someone:secret@127.0.0.1:{port}"}  # pragma: allowlist secret
    output = desk.ok(env=away)
    assert f"registry http://127.0.0.1:{port}: " in output
    assert "waits for the next training, or python -m training sync" in output
    assert "secret" not in output
    version = desk.current
    unreachable = desk.run("promote", "iris", env=away)
    assert unreachable.exit_code == 2
    assert len(unreachable.stderr.splitlines()) == 1
    assert "secret" not in unreachable.output
    assert desk.state(monkeypatch) == ([], None, None, 1)
    desk.ok("sync")
    assert desk.state(monkeypatch) == ([version], version, None, 0)


def test_a_row_that_another_machine_wrote_at_the_same_moment_is_not_an_outage(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_inputs, refusals = MlflowClient.log_inputs, [MlflowException("duplicate key", error_code=BAD_REQUEST)] * 2

    def refuse_twice(client: MlflowClient, *arguments: Any) -> None:
        if refusals:
            raise refusals.pop()
        log_inputs(client, *arguments)

    monkeypatch.setattr(MlflowClient, "log_inputs", refuse_twice)
    desk.ok("retrain", "--promote")
    assert desk.state(monkeypatch) == ([desk.current], desk.current, None, 0)


def test_an_outage_in_a_job_without_a_disk_leaves_its_version_waiting_in_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bucket").mkdir()
    store = {"ARTIFACTS_URL": f"file://{tmp_path / 'bucket'}"}
    Desk(tmp_path / "first", "http://127.0.0.1:9").ok("retrain", env=store)
    [version] = Desk(tmp_path / "first").versions
    registry = f"sqlite:///{tmp_path / 'registry.db'}"
    monkeypatch.chdir(tmp_path)
    second = Desk(tmp_path / "second", registry)
    result = second.run("retrain", "--unchanged-ok", env=store)
    assert result.exit_code == 0, result.output
    assert second.state(monkeypatch) == ([version], None, version, 0)
    assert "nothing has changed" in result.output
    [waiting] = (tmp_path / "bucket/iris/waiting").iterdir()
    assert waiting.read_bytes() == b""


def test_without_a_tracking_address_a_store_keeps_the_books_alone(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    desk = Desk(tmp_path / "a")
    desk.ok("retrain", "--promote", env={"ARTIFACTS_URL": f"file://{tmp_path / 'bucket'}"})
    assert not (desk.artifacts / ".registry").exists()
