"""The workflows keep what the documents promise: pinned actions, least rights, nothing cancelled half-way."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / ".github"
WORKFLOWS = sorted(FOLDER.glob("workflows/*.yml"))
ACTS_ON_A_STACK = ("make rollout", "make rollback", "make reconcile", "make drift")


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow."""
    return yaml.safe_load(file.read_text())["jobs"]


def steps(file: Path) -> list[dict[str, Any]]:
    """All steps of a workflow."""
    return [step for job in jobs(file).values() for step in job.get("steps", [])]


@pytest.mark.parametrize("file", [*WORKFLOWS, *FOLDER.glob("actions/*/action.yml")], ids=lambda file: file.stem)
def test_every_action_is_pinned_by_hash_with_its_version_beside_it(file: Path) -> None:
    uses = re.findall(r"uses: (.+)", file.read_text())
    for each in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) or each.startswith("./.github/"), each


def test_one_action_has_one_version_everywhere() -> None:
    found = {
        line for file in FOLDER.rglob("*.yml") for line in re.findall(r"uses: ([\w-]+/[\w-]+@.+)", file.read_text())
    }
    assert len({line.partition("@")[0] for line in found}) == len(found)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_what_is_run_is_a_target_that_works_on_a_laptop(file: Path) -> None:
    for step in steps(file):
        for line in step.get("run", "").splitlines():
            assert re.match(r"make [a-z]|sudo apt-get ", line), line
            assert "${{" not in line or file.stem == "ci", f"an expression is pasted into a shell: {line}"


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_may_read_and_a_job_says_what_else_it_needs(file: Path) -> None:
    assert yaml.safe_load(file.read_text())["permissions"] == {"contents": "read"}
    for name, job in jobs(file).items():
        writes = {key for key, value in job.get("permissions", {}).items() if value == "write"}
        if "contents" in writes or "pull-requests" in writes:
            assert not any("make train" in step.get("run", "") for step in job.get("steps", [])), name


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_no_secret_is_stored_and_no_token_left_in_the_checkout(file: Path) -> None:
    assert "secrets." not in file.read_text()
    for step in steps(file):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_whatever_acts_on_a_stack_waits_for_the_others_and_is_never_cancelled() -> None:
    acting = 0
    for file in WORKFLOWS:
        whole = yaml.safe_load(file.read_text()).get("concurrency")
        for job in jobs(file).values():
            if any(step.get("run", "").startswith(ACTS_ON_A_STACK) for step in job.get("steps", [])):
                acting += 1
                group = job.get("concurrency") or whole
                assert re.fullmatch(r"stack-\$\{\{ (inputs|matrix)\.stack \}\}", group["group"]), file
                assert group["cancel-in-progress"] is False, file
    assert acting == 4


def test_a_stack_pulls_what_is_rolled_out_from_its_own_registry() -> None:
    job = jobs(FOLDER / "workflows" / "rollout.yml")["rollout"]
    run = [
        step for step in job["steps"] if step.get("run", "").startswith(("make registry", "make promote", "make roll"))
    ]
    login, promote, rollout = run
    assert login["run"] == 'make registry-login STACK="$STACK" OUTPUT="$GITHUB_OUTPUT"'
    for step in (promote, rollout):
        assert step["run"].endswith('REPOSITORY="$REPOSITORY"')
        assert step["env"]["REPOSITORY"] == f"${{{{ steps.{login['id']}.outputs.repository }}}}"


@pytest.mark.parametrize(
    ("stack", "command"),
    [
        ("azure-dev", "az acr login"),
        ("aws-prod", "aws ecr get-login-password"),
        ("gcp-dev", "gcloud auth configure-docker"),
    ],
)
def test_each_cloud_logs_in_to_its_registry_in_its_own_way(repository: Path, stack: str, command: str) -> None:
    made = ("make", "--dry-run", "registry-login", f"STACK={stack}", "OUTPUT=out")
    said = subprocess.run(made, cwd=repository, capture_output=True, text=True, check=True).stdout
    assert f"registry --stack {stack}" in said
    assert command in said
    assert 'echo "repository=$repository" >> out' in said


def test_a_forks_pull_request_gets_neither_an_environment_nor_credentials() -> None:
    plan = jobs(FOLDER / "workflows" / "preview.yml")["plan"]
    assert "head.repo.full_name == github.repository" in plan["environment"]
    by_name = {step.get("name", step.get("uses")): step for step in plan["steps"]}
    assert by_name["./.github/actions/sign-in"]["if"] == "env.OURS == 'true'"
    assert by_name["Plan against the real state"]["if"] == "env.OURS == 'true'"
    assert "STAND_IN=1" in by_name["Plan from an empty state"]["run"]
    text = (FOLDER / "workflows" / "preview.yml").read_text()
    assert "pull_request_target" not in text


def test_what_writes_a_comment_runs_no_code_of_the_pull_request() -> None:
    comment = jobs(FOLDER / "workflows" / "preview.yml")["comment"]
    assert comment["steps"][0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert [step["run"] for step in comment["steps"] if "run" in step] == ['make comment PULL_REQUEST="$PULL_REQUEST"']
