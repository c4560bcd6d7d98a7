"""`docker compose up --build`: the API and a real Prometheus that has its series."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.containers, pytest.mark.timeout(600)]


def compose_command(docker: str) -> list[str]:
    """Compose as a plugin of ``docker``, or the older program of its own."""
    if subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0:
        return [docker, "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    pytest.fail("no compose: install the Docker Compose plugin (Debian: docker-compose)")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def prometheus_image(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Debian's Prometheus on the base image: its name."""
    name = f"{engine.name}-prometheus"
    recipe = Path(__file__).with_name("prometheus.Dockerfile")
    base = ("--build-arg", f"BASE_IMAGE={engine.base}") if engine.base else ()
    context = str(tmp_path_factory.mktemp("prometheus"))
    engine("build", "--label", engine.label, *base, "--file", str(recipe), "--tag", name, context)
    return name


@pytest.fixture(scope="module")
def urls(engine: Any, trained: Path, prometheus_image: str) -> Iterator[tuple[str, str]]:
    """The composition, up: the URLs of the API and of Prometheus."""
    api, prometheus = free_port(), free_port()
    settings = {
        "PORT": str(api),
        "PROMETHEUS_PORT": str(prometheus),
        "PROMETHEUS_IMAGE": prometheus_image,
        "RELEASE": "release-9",
        **({"BASE_IMAGE": engine.base} if engine.base else {}),
    }
    compose = [*compose_command(engine.program), "--project-name", engine.name]
    try:
        engine.run([*compose, "up", "--build", "--detach"], cwd=trained, **settings)
        yield f"http://127.0.0.1:{api}", f"http://127.0.0.1:{prometheus}"
    finally:
        engine.run([*compose, "down", "--volumes", "--rmi", "local"], cwd=trained, **settings)


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    """The result of an instant query; empty while Prometheus does not answer."""
    try:
        return httpx.get(f"{prometheus}/api/v1/query", params={"query": expression}).json()["data"]["result"]
    except httpx.TransportError:
        return []


def test_prometheus_scrapes_the_api_and_has_the_series_of_its_predictions(
    urls: tuple[str, str], until: Callable[..., None], version: str
) -> None:
    api, prometheus = urls

    def answers() -> bool:
        try:
            return httpx.get(f"{api}/health").status_code == 200
        except httpx.TransportError:
            return False

    until(answers, lambda: f"{api}/health does not answer")
    assert httpx.get(f"{api}/health").json()["release"] == "release-9"
    instance = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
    for _ in range(3):
        answer = httpx.post(f"{api}/predict", json=instance).json()
        assert (answer["prediction"], answer["model_version"]) == ("setosa", version)

    counted = 'sum(api_requests_total{job="service", endpoint="/predict"})'
    until(
        lambda: [result["value"][1] for result in query(prometheus, counted)] == ["3"],
        lambda: f"{counted} is {query(prometheus, counted)}",
        60,
    )

    def health() -> dict[str, str]:
        targets = httpx.get(f"{prometheus}/api/v1/targets").json()["data"]["activeTargets"]
        return {target["labels"]["job"]: target["health"] for target in targets}

    # Each target has its own first scrape.
    until(lambda: health() == {"service": "up", "prometheus": "up"}, lambda: f"targets: {health()}", 60)
    assert query(prometheus, 'api_request_latency_seconds_count{job="service", endpoint="/predict"}')
