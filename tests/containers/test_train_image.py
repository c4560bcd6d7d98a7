"""The training image: trains into a volume, and what it made is served by the serving image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.containers, pytest.mark.timeout(600)]
ROWS = "colour,weight,kind\n" + "".join(
    f"{colour},{weight / 10},{kind}\n"
    for weight in range(40)
    for colour, kind in (("red", "apple"), ("yellow", "banana"), ("", "plum"))
)


@pytest.fixture(scope="module")
def train_image(engine: Any, trained: Path) -> str:
    """The training image, as `make train-image` builds it: its id."""
    engine.make(trained, "train-image", f"IMAGE={engine.name}-train")
    return engine.inspect(f"{engine.name}-train")["Id"]


@pytest.fixture(scope="module")
def volume(engine: Any) -> str:
    """A volume for artifacts."""
    return engine("volume", "create", "--label", engine.label).stdout.strip()


def train(engine: Any, image: str, volume: str, *arguments: str, options: tuple[str, ...] = ()) -> str:
    """Run a training in a hardened container; what it printed."""
    hardened = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--memory=2g")
    mounts = (f"--volume={volume}:/srv/artifacts", *options)
    return engine("run", "--rm", "--label", engine.label, *hardened, *mounts, image, *arguments).stdout


def test_training_in_a_container_gives_the_version_that_training_here_gives(
    engine: Any, train_image: str, volume: str, version: str
) -> None:
    assert engine.inspect(train_image)["Config"]["User"] == "10001:10001"
    assert version in train(engine, train_image, volume)


def test_own_data_is_trained_and_served_from_containers(
    engine: Any, train_image: str, volume: str, service: Callable[..., str]
) -> None:
    data = engine("volume", "create", "--label", engine.label).stdout.strip()
    write = f"import pathlib; pathlib.Path('/data/fruit.csv').write_text({ROWS!r})"
    as_root = ("--user=0", "--entrypoint=python", f"--volume={data}:/data")
    engine("run", "--rm", "--label", engine.label, *as_root, train_image, "-c", write)
    arguments = ("--data", "/data/fruit.csv", "--target", "kind")
    said = train(
        *(engine, train_image, volume, *arguments, "--set", "validation.leakage=1"),  # a colour tells a fruit
        options=(f"--volume={data}:/data:ro",),
    )
    assert "expectations hold" in said
    assert "validation/fruit.json could not be written (Read-only file system)" in said
    container = service(f"--volume={volume}:/artifacts:ro", "--env=MODEL_PATH=/artifacts/fruit")
    answer = httpx.post(f"{engine.address(container)}/predict", json={"colour": "yellow", "weight": 1.2})
    assert answer.json()["prediction"] == "banana"
