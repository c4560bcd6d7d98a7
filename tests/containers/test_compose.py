"""`docker compose up --build`: the API, a real Prometheus with its series and rules, and the Alertmanager it tells."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

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


class Urls(NamedTuple):
    """Where the parts of the composition answer."""

    api: str
    prometheus: str
    alertmanager: str


@pytest.fixture(scope="module")
def images(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The setting that names each of Debian's programs on the base image."""
    base = ("--build-arg", f"BASE_IMAGE={engine.base}") if engine.base else ()
    found: dict[str, str] = {}
    for program in ("prometheus", "alertmanager"):
        found[f"{program.upper()}_IMAGE"] = name = f"{engine.name}-{program}"
        recipe = Path(__file__).with_name(f"{program}.Dockerfile")
        context = str(tmp_path_factory.mktemp(program))
        engine("build", "--label", engine.label, *base, "--file", str(recipe), "--tag", name, context)
    return found


@pytest.fixture(scope="module")
def urls(engine: Any, trained: Path, images: dict[str, str]) -> Iterator[Urls]:
    """The composition, up."""
    ports = {name: str(free_port()) for name in ("PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT")}
    base = {"BASE_IMAGE": engine.base} if engine.base else {}
    settings = {**ports, **images, **base, "RELEASE": "release-9"}
    compose = [*compose_command(engine.program), "--project-name", engine.name]
    try:
        engine.run([*compose, "up", "--build", "--detach"], cwd=trained, **settings)
        yield Urls(*(f"http://127.0.0.1:{port}" for port in ports.values()))
    finally:
        engine.run([*compose, "down", "--volumes", "--rmi", "local"], cwd=trained, **settings)


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    """The result of an instant query; empty while Prometheus does not answer."""
    try:
        return httpx.get(f"{prometheus}/api/v1/query", params={"query": expression}).json()["data"]["result"]
    except httpx.TransportError:
        return []


def test_prometheus_scrapes_the_api_and_has_the_series_of_its_predictions(
    urls: Urls, until: Callable[..., None], version: str
) -> None:
    api, prometheus = urls.api, urls.prometheus

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


def test_prometheus_evaluates_the_generated_rules_and_tells_the_alertmanager(
    urls: Urls, until: Callable[..., None], repository: Path
) -> None:
    written = json.loads((repository / "observability/generated/rules.yml").read_text().partition("\n")[2])
    wanted = {rule["alert"] for group in written["groups"] for rule in group["rules"] if "alert" in rule}

    def ask(path: str) -> Any:
        return httpx.get(f"{urls.prometheus}/api/v1/{path}").json()["data"]

    def health() -> dict[str, str]:
        return {rule["name"]: rule["health"] for group in ask("rules?type=alert")["groups"] for rule in group["rules"]}

    until(lambda: health() == dict.fromkeys(wanted, "ok"), lambda: f"rules: {health()}", 60)
    until(lambda: bool(ask("alertmanagers")["activeAlertmanagers"]), lambda: "Prometheus knows no Alertmanager", 60)
    assert httpx.get(f"{urls.alertmanager}/-/ready").status_code == 200
