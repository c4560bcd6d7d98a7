"""`pulumi up --stack dev` with real containers: one life of the stack, its stages in order."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.engine.driver import Deployment, Outcome, Step
from tests.engine.local.conftest import DeployLocal
from tests.engine.local.machine import Docker, train

pytestmark = [pytest.mark.engine, pytest.mark.plugin, pytest.mark.containers, pytest.mark.timeout(900)]

POLICIES = ("--policy-pack", "policy")
CONTAINER, CHECK = "docker:index/container:Container", "pulumi-python:dynamic/mlplatform:ReleaseCheck"
IMAGE, WEIGHT = "docker-build:index:Image", "pulumi-python:dynamic:Resource"
RULES = Step("replace", CONTAINER, "monitoring-prometheus")
"""Its rules name the releases that should serve."""
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
Outputs = Mapping[str, Any]


def outputs(stack: Deployment) -> Outputs:
    """What the stack exports."""
    return json.loads(stack.run("stack", "output", "--json").stdout)


def owner(stack: Deployment) -> str:
    """The label of everything that the stack makes."""
    return f"owner={stack.run('config', 'get', 'namespace').stdout.strip()}"


def predict(address: str) -> dict[str, Any]:
    """The answer to a flower."""
    answer = httpx.post(f"{address}/predict", json=FLOWER)
    assert answer.status_code == 200, answer.text
    return answer.json()


def assert_nothing_to_do(stack: Deployment) -> None:
    """A preview, an update and a refresh find the stack as it should be."""
    for outcome in (stack.preview(*POLICIES), stack.up(), stack.refresh()):
        assert outcome.succeeded, outcome.output
        assert outcome.touched == set(), outcome.output


@pytest.fixture(scope="module")
def stack(local: DeployLocal) -> Deployment:
    """The stack, not deployed yet."""
    return local()


@pytest.fixture(scope="module")
def created(stack: Deployment) -> Outcome:
    """Its first update, under the policy pack."""
    outcome = stack.up(*POLICIES)
    assert outcome.succeeded, outcome.output
    assert not outcome.violations
    return outcome


def test_an_update_from_nothing_builds_the_image_and_its_containers_answer(
    stack: Deployment, created: Outcome, docker: Docker
) -> None:
    assert Step("create", IMAGE, "image") in created.touched
    found = outputs(stack)
    version = (stack.directory / "artifacts/iris/current").read_text().strip()
    answer = predict(found["url"])
    assert (answer["prediction"], answer["model_version"]) == ("setosa", version)
    health = httpx.get(f"{found['stableUrl']}/health").json()
    assert health["release"] == found["release"]
    [container] = docker("ps", "--quiet", "--filter", f"label={owner(stack)}", "--filter", "name=stable").split()
    assert docker("inspect", "--format", "{{.Image}}", container) == found["image"], "the release names what runs"
    assert httpx.get(f"{found['prometheusUrl']}/-/ready").status_code == 200
    assert httpx.get(f"{found['alertsUrl']}/-/ready").status_code == 200


@pytest.mark.usefixtures("created")
def test_then_there_is_nothing_to_do(stack: Deployment) -> None:
    assert_nothing_to_do(stack)


@pytest.mark.usefixtures("created")
def test_a_removed_container_is_shown_and_comes_back(stack: Deployment, docker: Docker) -> None:
    gone = outputs(stack)["logsUrl"].split()[-1]
    docker("rm", "--force", gone)
    shown = stack.refresh("--preview-only")
    assert shown.succeeded, shown.output
    assert "compute-stable-0" in shown.output
    repaired = stack.up("--refresh")
    assert repaired.succeeded, repaired.output
    assert Step("create", CONTAINER, "compute-stable-0") in repaired.touched
    assert predict(outputs(stack)["url"])["prediction"] == "setosa"
    assert_nothing_to_do(stack)


@pytest.mark.usefixtures("created")
def test_a_new_model_replaces_its_containers_and_no_request_fails(stack: Deployment) -> None:
    before = outputs(stack)
    train(stack.directory, "--seed", "7")
    failed: list[str] = []
    answered: set[str] = set()
    done = threading.Event()

    def ask() -> None:
        with httpx.Client() as client:
            while not done.wait(0.02):
                try:
                    answer = client.post(f"{before['url']}/predict", json=FLOWER)
                except httpx.TransportError as error:
                    failed.append(repr(error))
                else:
                    if answer.status_code == 200:
                        answered.add(answer.json()["model_version"])
                    else:
                        failed.append(answer.text)

    caller = threading.Thread(target=ask)
    caller.start()
    try:
        planned, outcome = stack.preview(), stack.up()
    finally:
        done.set()
        caller.join()
    assert outcome.succeeded, outcome.output
    after = outputs(stack)
    assert not failed
    assert answered == {before["modelVersion"], after["modelVersion"]}
    assert after["image"] != before["image"]
    assert (
        planned.touched
        == outcome.touched
        == {
            Step("update", IMAGE, "image"),
            Step("replace", CONTAINER, "compute-stable-0"),
            RULES,
            Step("update", CHECK, "verification-stable"),
        }
    )
    assert_nothing_to_do(stack)


@pytest.mark.usefixtures("created")
def test_a_candidate_runs_beside_the_stable_release_and_a_new_weight_touches_the_weight_alone(
    stack: Deployment,
) -> None:
    old = outputs(stack)
    versions_here = {entry.name for entry in (stack.directory / "artifacts/iris").iterdir() if entry.is_dir()}
    stack.configure({"model": f"iris@{min(versions_here - {old['modelVersion']})}"})
    assert stack.up().succeeded
    new = outputs(stack)

    def release(of: Outputs) -> dict[str, str]:
        return {"image": of["image"], "modelVersion": of["modelVersion"], "commit": of["commit"]}

    stack.configure({"image": None, "stable": release(new), "candidate": release(old), "candidateWeight": 0})
    added = stack.up(*POLICIES)
    assert added.succeeded, added.output
    assert not {touched for touched in added.touched if touched.type == CONTAINER} - {
        Step("create", CONTAINER, "compute-candidate-0"),
        RULES,
    }
    assert predict(outputs(stack)["candidateUrl"])["model_version"] == old["modelVersion"]
    assert {predict(new["url"])["model_version"] for _ in range(30)} == {new["modelVersion"]}

    stack.configure({"candidateWeight": 50})
    weighted = stack.up()
    assert weighted.succeeded, weighted.output
    assert weighted.touched == {Step("update", WEIGHT, "compute-weight")}
    versions = {predict(new["url"])["model_version"] for _ in range(60)}
    assert versions == {old["modelVersion"], new["modelVersion"]}
    assert_nothing_to_do(stack)


@pytest.mark.usefixtures("created")
def test_a_second_stack_lives_beside_the_first_and_goes_without_it(
    stack: Deployment, local: DeployLocal, docker: Docker
) -> None:
    second = local("side")
    up = second.up()
    assert up.succeeded, up.output
    first_url, second_url = outputs(stack)["url"], outputs(second)["url"]
    assert first_url != second_url
    assert [predict(url)["prediction"] for url in (first_url, second_url)] == ["setosa", "setosa"]
    second.run("state", "unprotect", "--all", "--yes")
    gone = second.destroy()
    assert gone.succeeded, gone.output
    assert not any(docker.having(owner(second)).values())
    assert predict(first_url)["prediction"] == "setosa"
    assert_nothing_to_do(stack)


@pytest.mark.usefixtures("created")
def test_destroy_refuses_what_is_protected_and_then_leaves_nothing(stack: Deployment, docker: Docker) -> None:
    before = docker.having(owner(stack))
    refused = stack.destroy()
    assert not refused.succeeded
    assert "protected" in refused.output
    assert docker.having(owner(stack)) == before, "a refused destruction begins with nothing"
    stack.run("state", "unprotect", "--all", "--yes")
    destroyed = stack.destroy()
    assert destroyed.succeeded, destroyed.output
    assert not any(docker.having(owner(stack)).values())
    assert not stack.export()["deployment"].get("resources")
