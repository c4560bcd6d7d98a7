"""Images are built once per content, pushed without a tag and referred to by digest."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_docker_build as docker_build
import pytest

from components.image import Image, copied
from components.spec import Environment
from tests.components.harness import UNKNOWN, Run, Secret, run

ENVIRONMENT = Environment(cloud="aws", tier="dev", project="mlplatform", stack="aws-dev")
REPOSITORY = "1234.registry.test/serving"
AMD64 = [docker_build.Platform.LINUX_AMD64]


def build(preview: bool = False, password: str | None = None) -> Run:
    def program() -> dict[str, Any]:
        credentials = None
        if password:
            secret = pulumi.Output.secret(password)
            credentials = docker_build.RegistryArgs(address="registry.test", username="AWS", password=secret)
        image = Image(
            "image",
            ENVIRONMENT,
            target="serve",
            arguments={"MODEL_NAME": "iris"},
            platforms=AMD64,
            repository=pulumi.Output.from_input(REPOSITORY),
            credentials=credentials,
        )
        return {"reference": image.reference}

    return run(program, preview=preview)


def test_the_push_names_no_tag_and_the_reference_is_the_digest() -> None:
    found = build()
    inputs = found.one("docker-build:index:Image").inputs
    (export,) = inputs["exports"]
    assert export["registry"]["names"] == [REPOSITORY]
    assert export["registry"]["pushByDigest"] is True
    assert not inputs.get("tags")
    assert found.outputs["reference"] == f"{REPOSITORY}@image-digest"


def test_the_context_is_the_same_on_every_machine_and_nothing_forces_a_rebuild() -> None:
    inputs = build().one("docker-build:index:Image").inputs
    assert inputs["context"] == {"location": "."}
    assert not inputs.get("pull"), "pulling the base would build on every update"
    assert not inputs.get("noCache")
    assert inputs["platforms"] == ["linux/amd64"]


def test_a_preview_builds_nothing_and_does_not_guess_the_digest() -> None:
    found = build(preview=True)
    assert found.one("docker-build:index:Image").inputs["buildOnPreview"] is False
    assert found.outputs["reference"] is UNKNOWN


@pytest.mark.parametrize("preview", [False, True])
def test_a_push_password_is_secret(preview: bool) -> None:
    inputs = build(preview, password="hidden").one("docker-build:index:Image").inputs
    assert "hidden" not in repr({key: value for key, value in inputs.items() if not isinstance(value, Secret)})
    assert isinstance(inputs["registries"], Secret)


@pytest.mark.parametrize(("preview", "reference"), [(False, "localhost/serving:v1"), (True, UNKNOWN)])
def test_a_loaded_image_is_known_by_its_name_once_it_is_built(preview: bool, reference: Any) -> None:
    def program() -> dict[str, Any]:
        environment = Environment(cloud="local", tier="dev", project="mlplatform", stack="dev")
        name = "localhost/serving:v1"
        image = Image("image", environment, target="serve", arguments={}, repository=None, loaded_as=name)
        return {"reference": image.reference}

    found = run(program, preview=preview)
    inputs = found.one("docker-build:index:Image").inputs
    assert (inputs["load"], inputs["tags"], inputs.get("exports")) == (True, ["localhost/serving:v1"], None)
    assert found.outputs["reference"] == reference, "a manifest's digest is not what the engine calls the image"


def test_a_foreign_image_is_copied_as_it_is_and_named_by_the_copys_digest() -> None:
    def program() -> dict[str, Any]:
        parent = pulumi.ComponentResource("test:test:Some", "some")
        reference = copied(
            "agent",
            "prom/prometheus:v3",
            repository=pulumi.Output.from_input("1234.registry.test/agent"),
            platforms=AMD64,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        return {"reference": reference}

    found = run(program)
    inputs = found.one("docker-build:index:Image").inputs
    assert inputs["buildArgs"] == {"SOURCE": "prom/prometheus:v3"}
    assert inputs["context"] == {"location": "components/mirror"}
    assert found.outputs["reference"] == "1234.registry.test/agent@agent-digest"
