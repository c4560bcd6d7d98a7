"""The stack ``dev`` for real: the Pulumi engine, the docker-build plugin and containers of the Docker engine."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from components import naming
from components.spec import Environment
from engine import install, plugin
from engine.standin.cloud import Cloud
from tests.components.harness import PROJECT
from tests.engine.data_plane import DataPlane
from tests.engine.driver import Deployment
from tests.engine.local import docker_provider
from tests.engine.local.builder import BASE, builder, free_port, registry
from tests.engine.local.machine import Docker, train

STAND_IN = "mlplatform-base:bookworm"
RECIPES = {
    "proxyImage": "engine/local/images/proxy.Dockerfile",
    "prometheusImage": "containers/prometheus.Dockerfile",
    "alertmanagerImage": "engine/local/images/alertmanager.Dockerfile",
}


class DeployLocal(Protocol):
    """``local(stack="dev")``: the stack in a copy of the repository, configured for ports and names of its own."""

    def __call__(self, stack: str = "dev", config: Mapping[str, Any] | None = None) -> Deployment: ...


@pytest.fixture(scope="session")
def docker() -> Docker:
    """The engine that DOCKER names."""
    return Docker(shutil.which(os.environ.get("DOCKER", "docker")) or "docker")


@pytest.fixture(scope="session")
def test_registry(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that holds the Dockerfile's base, or the stand-in under its name: host and port."""
    with registry(tmp_path_factory.mktemp("registry")) as host:
        docker("tag", STAND_IN, f"{host}/{BASE}")
        try:
            docker("push", "--quiet", f"{host}/{BASE}")
        finally:
            docker("rmi", f"{host}/{BASE}")
        yield host


@pytest.fixture(scope="session")
def docker_configuration(test_registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Docker configuration with a builder that the docker-build plugin finds."""
    with builder(tmp_path_factory.mktemp("b"), test_registry) as configuration:
        yield configuration


@pytest.fixture(scope="session")
def images(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What runs beside the service, from Debian's packages: the ids by the setting that takes them."""
    context = str(tmp_path_factory.mktemp("context"))
    root, label = Path(__file__).parents[2], f"mlplatform.test={uuid.uuid4().hex}"
    built = {
        setting: docker(
            "build", "--quiet", "--label", label, "--build-arg", f"BASE_IMAGE={STAND_IN}", "--file", str(root / recipe),
            context,
        )
        for setting, recipe in RECIPES.items()
    }  # fmt: skip
    yield built
    docker("rmi", "--force", *built.values())


@pytest.fixture(scope="session")
def trained_repository(copy_of_the_repository: Callable[[], Path]) -> Path:
    """A copy of the repository with a model."""
    return train(copy_of_the_repository())


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PULUMI_HOME with the docker-build plugin."""
    engine = install.find()
    assert engine is not None, "no Pulumi engine; `make pulumi` gets one"
    home = tmp_path_factory.mktemp("pulumi")
    plugin.get({**engine.environment(os.environ), "PULUMI_HOME": str(home)}, print)
    return home


@pytest.fixture(scope="module")
def local(
    docker: Docker,
    docker_configuration: Path,
    images: Mapping[str, str],
    plugins: Path,
    trained_repository: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DeployLocal]:
    """Makes stacks and removes what they left, images included."""
    engine = install.find()
    assert engine is not None, "no Pulumi engine; `make pulumi` gets one"
    with contextlib.ExitStack() as exit_stack:
        attached = exit_stack.enter_context(docker_provider.serving())
        unused = exit_stack.enter_context(DataPlane(lambda _host, _port: None))  # no cloud here

        def make(stack: str = "dev", config: Mapping[str, Any] | None = None) -> Deployment:
            directory, state = tmp_path_factory.mktemp("clone") / "repository", tmp_path_factory.mktemp("state")
            shutil.copytree(trained_repository, directory)
            (directory / ".venv").symlink_to(Path(sys.prefix))
            environment = {
                **engine.environment(os.environ),
                "PULUMI_DEBUG_PROVIDERS": attached,
                "DOCKER_CONFIG": str(docker_configuration),
                "PULUMI_HOME": str(plugins),
                "PULUMI_BACKEND_URL": state.as_uri(),
                "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "PULUMI_DEBUG_COMMANDS": "true",
            }
            made = Deployment(directory, stack, state, environment, Cloud(), unused)
            if not (directory / f"Pulumi.{stack}.yaml").exists():
                shutil.copy(directory / "Pulumi.dev.yaml", directory / f"Pulumi.{stack}.yaml")
            created = made.run("stack", "init")
            assert created.returncode == 0, created.stderr
            owner = f"test-{uuid.uuid4().hex[:12]}"
            made.configure(_settings(images, owner) | dict(config or {}))
            exit_stack.enter_context(removed(docker, f"owner={owner}", stack, namespace=owner))
            return made

        yield make


_NETWORKS = itertools.count(200)


def _settings(images: Mapping[str, str], owner: str) -> dict[str, Any]:
    """Free ports, an address range and names that no other stack on this machine has, and the test images."""
    ports = ("port", "stablePort", "candidatePort", "weightPort", "prometheusPort", "alertmanagerPort", "grafanaPort")
    return {
        "namespace": owner,
        "tags": {"owner": owner},
        "network": {"cidr": f"10.{next(_NETWORKS)}.0.0/16"},
        "local": {**{port: free_port() for port in ports}, **images},
        "verification": {"deadlineSeconds": 30},
    }


@contextlib.contextmanager
def removed(docker: Docker, label: str, stack: str, *, namespace: str = "") -> Generator[None]:
    """Remove what a stack left behind under ``label``, and its images, even where its test failed."""
    environment = Environment(cloud="local", tier="dev", project=PROJECT, stack=stack, namespace=namespace)
    image = f"localhost/{naming.name(environment, 'image', 'serving')}"
    try:
        yield
    finally:
        docker.remove(label)
        if names := docker("images", "--format", "{{.Repository}}:{{.Tag}}", image).split():
            docker("rmi", *names)
