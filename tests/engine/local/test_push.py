"""A cloud's development stack whose image is really built and pushed: docker-build, a registry, the stand-in cloud."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.engine.conftest import Deploy
from tests.engine.driver import Deployment, Step
from tests.engine.local.machine import Docker, train
from tests.engine.local.test_dev import IMAGE, outputs

pytestmark = [pytest.mark.engine, pytest.mark.plugin, pytest.mark.containers, pytest.mark.timeout(600)]

MANIFESTS = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json"


@pytest.fixture(scope="module")
def stack(deployment: Deploy, docker_configuration: Path, plugins: Path, test_registry: str) -> Deployment:
    """Azure's development stack with a model, deployed; its registry is one of this machine."""
    made = deployment(
        "azure-dev",
        config={"model": "iris", "training": None},
        packages=("azure-native",),
        variables={"DOCKER_CONFIG": str(docker_configuration), "PULUMI_HOME": str(plugins)},
    )
    made.edit(
        "components/azure/registry.py",
        'login_server, "/serving"',
        f'login_server.apply(lambda _: "{test_registry}"), "/serving"',
    )
    train(made.directory)
    created = made.up()
    assert created.succeeded, created.output
    return made


def pushed(host: str, reference: str) -> bool:
    """Whether the registry has what ``repository@digest`` names."""
    repository, _, digest = reference.removeprefix(f"{host}/").partition("@")
    answer = httpx.get(f"http://{host}/v2/{repository}/manifests/{digest}", headers={"Accept": MANIFESTS})
    return answer.status_code == 200 and answer.headers["docker-content-digest"] == digest


def test_the_image_is_pushed_by_its_digest_and_deployed_by_it(
    stack: Deployment, test_registry: str, docker: Docker
) -> None:
    found = outputs(stack)
    assert found["image"].startswith(f"{test_registry}/serving@sha256:")
    assert pushed(test_registry, found["image"])
    tags = httpx.get(f"http://{test_registry}/v2/serving/tags/list").json()
    assert not tags.get("tags"), "a tag could be moved"
    [app] = stack.cloud.of(":ContainerApp")
    assert found["image"] in {container["image"] for container in app.inputs["template"]["containers"]}
    docker("pull", "--quiet", found["image"])
    try:
        label = '{{index .Config.Labels "org.opencontainers.image.version"}}'
        assert docker("inspect", "--format", label, found["image"]) == found["modelVersion"]
    finally:
        docker("rmi", found["image"])


def test_an_unchanged_checkout_is_neither_built_nor_pushed_again(stack: Deployment) -> None:
    for outcome in (stack.preview(), stack.up()):
        assert outcome.succeeded, outcome.output
        assert outcome.touched == set()


def test_a_new_model_is_another_digest_and_the_one_before_stays_to_go_back_to(
    stack: Deployment, test_registry: str
) -> None:
    before = outputs(stack)["image"]
    train(stack.directory, "--seed", "7")
    outcome = stack.up()
    assert outcome.succeeded, outcome.output
    assert Step("update", IMAGE, "image") in outcome.touched
    after = outputs(stack)["image"]
    assert after != before
    assert pushed(test_registry, after)
    assert pushed(test_registry, before)
