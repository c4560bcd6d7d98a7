"""Stacks under the real engine: the Pulumi CLI on a copy of the repository, with the stand-in cloud attached to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, cast

import pytest

from components.spec import Cloud as CloudName
from components.spec import Tier
from engine import install
from engine.standin.cloud import Cloud
from engine.standin.server import PACKAGES, serving
from tests.components.contract import Variant, configuration
from tests.components.harness import PROJECT
from tests.engine.data_plane import DataPlane
from tests.engine.driver import Deployment
from tests.engine.served import served

PASSPHRASE = "correct horse battery staple"


class Deploy(Protocol):
    """``deployment(stack, variant="plain")``: a stack that exists and is configured, with nothing deployed yet."""

    def __call__(
        self,
        stack: str,
        variant: Variant = "plain",
        config: Mapping[str, Any] | None = None,
        *,
        packages: Sequence[str] = PACKAGES,
        variables: Mapping[str, str] | None = None,
    ) -> Deployment:
        """``config`` is laid over the configuration that the stack's own file and the contract suite give.

        The stand-in provides ``packages``; for others the engine needs a plugin. ``variables`` are the engine's own.
        """
        ...


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the CLI keeps what belongs to no stack."""
    return tmp_path_factory.mktemp("pulumi")


@pytest.fixture(scope="module")
def deployment(
    copy_of_the_repository: Callable[[], Path], pulumi_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deploy]:
    """Makes stacks, each in a copy of the repository, with a state and a cloud of its own."""
    engine = install.find()
    assert engine is not None, "no Pulumi engine; `make pulumi` gets one"
    with ExitStack() as exit_stack:

        def make(
            stack: str,
            variant: Variant = "plain",
            config: Mapping[str, Any] | None = None,
            *,
            packages: Sequence[str] = PACKAGES,
            variables: Mapping[str, str] | None = None,
        ) -> Deployment:
            directory, state = copy_of_the_repository(), tmp_path_factory.mktemp("state")
            (directory / ".venv").symlink_to(Path(sys.prefix))
            cloud = Cloud()
            server = exit_stack.enter_context(serving(cloud, packages))
            plane = exit_stack.enter_context(DataPlane(served(cloud)))
            environment = {
                **engine.environment(os.environ),
                **server.environment,
                **plane.environment,
                "PULUMI_HOME": str(pulumi_home),
                "PULUMI_BACKEND_URL": state.as_uri(),
                "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
                "PULUMI_SKIP_UPDATE_CHECK": "true",
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "PULUMI_DEBUG_COMMANDS": "true",  # admits --event-log
                **(variables or {}),
            }
            made = Deployment(directory, stack, state, environment, cloud, plane)
            _configure(made, variant, config or {})
            return made

        yield make


def _configure(deployment: Deployment, variant: Variant, config: Mapping[str, Any]) -> None:
    """Create the stack and write its configuration, the secret with the CLI."""
    cloud, _, tier = deployment.stack.partition("-")
    settings = configuration(cast(CloudName, cloud), cast(Tier, tier), variant)
    secret = settings.pop(f"{PROJECT}:hook")
    created = deployment.run("stack", "init")
    assert created.returncode == 0, created.stderr
    deployment.configure({**settings, "verification": {"deadlineSeconds": 20}, **config})
    deployment.set_secret("hook", secret)
