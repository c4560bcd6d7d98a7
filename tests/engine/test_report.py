"""The pull-request report on real previews of this repository's stacks, saved by the engine's own command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from delivery.report.infrastructure import infrastructure_section
from delivery.report.markdown import LIMIT, render
from engine.plan import Plan, read
from tests.engine.conftest import Deploy
from tests.engine.driver import Deployment

pytestmark = pytest.mark.engine


def saved(stack: Deployment, file: Path) -> tuple[int, Plan, str]:
    """The exit status of ``python -m engine preview --save``, the plan it saved and the report's part on it."""
    command = [sys.executable, "-m", "engine", "preview", "--stack", stack.stack, "--save", str(file)]
    done = subprocess.run(command, cwd=stack.directory, env=dict(stack.environment), capture_output=True, text=True)
    assert file.exists(), done.stdout + done.stderr
    plan = read(file.read_bytes())
    return done.returncode, plan, render([infrastructure_section([plan])])


@pytest.fixture(scope="module")
def stack(deployment: Deploy) -> Deployment:
    """A deployed stack."""
    made = deployment("gcp-prod")
    up = made.up()
    assert up.succeeded, up.output
    return made


def test_a_change_is_reported_as_what_it_does_to_the_deployed_stack(stack: Deployment, tmp_path: Path) -> None:
    status, plan, text = saved(stack, tmp_path / "unchanged.json")
    assert status == 0, text
    assert not plan.from_empty_state
    assert not [step for step in plan.steps if step.op in ("update", "replace", "delete")], text

    stack.configure({"service.maxReplicas": 17})
    status, plan, text = saved(stack, tmp_path / "changed.json")
    assert status == 0, text
    changed = {(step.op, step.name) for step in plan.steps if step.op in ("update", "replace", "delete")}
    assert changed, text
    assert all(f"::{name}`" in text for _, name in changed), text
    assert "Policies: no violation." in text
    assert "`scaling`" in text, "the property that changes is named"
    assert len(text.encode()) <= LIMIT


def test_what_the_policy_pack_refuses_is_in_the_report(stack: Deployment, tmp_path: Path) -> None:
    stack.configure({"service.maxReplicas": None, "service.minReplicas": 1})
    status, plan, text = saved(stack, tmp_path / "violating.json")
    assert status != 0
    assert plan.errors
    assert "| `replicas-in-production` |" in text
    assert "The preview failed:" in text
