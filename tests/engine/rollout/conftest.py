"""A trained model, keys, a bill of materials and the services' own models, for stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from delivery import sbom
from delivery.steps import Deployed
from tests.app import models
from tests.components.contract import STABLE
from tests.delivery.conftest import make_keys, train, write_packages
from tests.engine.conftest import Deploy
from tests.engine.rollout.stage import Stage
from tests.observability.live.traffic import USUAL

OBJECTIVES = {
    "minimumRequests": 30,
    "availability": {"target": 0.99},
    "latency": {"thresholdSeconds": 0.25},
    "quality": {"minimumRows": 30},
}
"""Few samples are enough, and a busy machine is not too slow."""
OLD = Deployed(image=STABLE["image"], model_version=STABLE["modelVersion"], commit=STABLE["commit"])

MakeStage = Callable[..., Stage]


@pytest.fixture(scope="package")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """What services of releases serve, by what is special about it."""
    folder = tmp_path_factory.mktemp("models")
    makers = {"prices": models.prices, "fragile": models.fragile, "slow": models.slow}
    return {name: maker(folder / name) for name, maker in makers.items()}


@pytest.fixture(scope="package")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``artifacts/iris`` with a current version."""
    return train(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def stage(
    deployment: Deploy, trained: Path, artifacts: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeStage]:
    """``stage(stack, **configuration)``: a deployed stack whose stable release serves callers."""
    made: list[Stage] = []

    def make(stack: str, **configuration: Any) -> Stage:
        directory = tmp_path_factory.mktemp("stage")
        packages = write_packages(directory / "site-packages", {"alpha": ("1.0", "MIT")})
        (directory / "sbom.cdx.json").write_bytes(sbom.of_environment(packages))
        settings = {"image": None, "training": None, "tracking": None, "stable": STABLE, "monitoring.slo": OBJECTIVES, **configuration}
        deployed = deployment(stack, config=settings)
        up = deployed.up()
        assert up.succeeded, up.output
        found = Stage(deployed, directory, trained, make_keys(directory / "keys"))
        made.append(found)
        found.start(OLD, artifacts["prices"], *USUAL)
        return found

    yield make
    for each in made:
        each.end()
