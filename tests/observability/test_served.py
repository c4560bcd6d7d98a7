"""Every panel has something to show, and every runbook an answer, of two real services scraped by a real Prometheus."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from observability.alerts import Watch
from observability.rule_file import rule_file
from observability.series import Series
from observability.slo import Quality, Slo
from tests.app import models
from tests.app.service import eventually, free_port, run_app

from .boards import NAMES, boards, expressions
from .runbooks import PAGES, queries

pytestmark = pytest.mark.prometheus

SLO = Slo(quality=Quality(window="1m", minimum_rows=1))
RELEASES = ("champion", "challenger")
LOAN = {"age": 41, "region": "east", "owns_home": True}
SILENT = {"Firing alerts"}
"""What shows nothing while all is well."""


class Prometheus:
    """A server that scrapes ``targets`` and evaluates the rules every second."""

    def __init__(self, directory: Path, targets: list[str]) -> None:
        scrape = {"job_name": "service", "static_configs": [{"targets": targets}]}
        every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        (directory / "rules.yml").write_text(rule_file(Watch(slo=SLO, series=Series(), replicas=2).rules()))
        config = directory / "prometheus.yml"
        config.write_text(json.dumps({"global": every, "rule_files": ["rules.yml"], "scrape_configs": [scrape]}))
        address = f"127.0.0.1:{free_port()}"
        self._log = (directory / "log").open("w")
        self._process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}",
             f"--web.listen-address={address}"],
            stderr=self._log,
        )  # fmt: skip
        self._client = httpx.Client(base_url=f"http://{address}")

    def ask(self, expr: str) -> list[dict[str, Any]]:
        """The series that ``expr`` has now; empty until the server is ready."""
        try:
            answer = self._client.get("/api/v1/query", params={"query": expr})
        except httpx.TransportError:
            return []
        if answer.status_code == 503:
            return []
        found = answer.json()
        assert found["status"] == "success", f"{expr}: {found['error']}"
        return found["data"]["result"]

    def close(self) -> None:
        """End it."""
        self._client.close()
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has seen a champion and a challenger predict, batches and bad input included."""
    directory = tmp_path_factory.mktemp("served")
    artifacts = (models.flowers(directory / "flowers"), models.loans(directory / "loans"))
    services = [
        run_app(artifact, directory / release, RELEASE=release)
        for artifact, release in zip(artifacts, RELEASES, strict=True)
    ]
    server = Prometheus(directory, [service.url.removeprefix("http://") for service in services])
    try:
        eventually(lambda: len(server.ask("model_info")) == 2)
        for service, row in zip(services, (models.FLOWER, LOAN), strict=True):
            for _ in range(5):
                assert service.client.post("/predict", json=row).status_code == 200
            assert service.client.post("/predict/batch", json={"instances": [row] * 7}).status_code == 200
            assert service.client.post("/predict", json={}).status_code == 422
        eventually(lambda: len(server.ask("service:prediction_drift:psi")) == 2)
        eventually(lambda: len(server.ask("service:latency_errors:ratio_5m")) == 1)
        yield server
    finally:
        server.close()
        for service in services:
            service.stop()
            service.close()


def shown(prometheus: Prometheus, expr: str) -> list[dict[str, Any]]:
    """What ``expr`` gives, subqueries over days being cut to the seconds that the server lives."""
    return prometheus.ask(re.sub(r"\[\d+d:5m\]", "[30s:1s]", expr))


@pytest.mark.parametrize("name", NAMES)
def test_every_query_of_a_dashboard_finds_a_number(name: str, prometheus: Prometheus) -> None:
    def empty() -> list[str]:
        return [
            f"{title}: {expr}"
            for title, expr in expressions(boards(SLO)[name])
            if title not in SILENT and not any(series["value"][1] != "NaN" for series in shown(prometheus, expr))
        ]

    deadline = time.monotonic() + 15  # a rate needs two scrapes
    while (missing := empty()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not missing


@pytest.mark.parametrize(
    ("name", "title", "label"),
    [
        ("service", "Predictions by release", "release"),
        ("service", "Failed predictions by release", "release"),
        ("service", "0.99 quantile by release", "release"),
        ("service", "Fullness by replica", "release"),
        ("model", "Age", "version"),
        ("model", "Drift of the predictions", "version"),
        ("model", "0.99 quantile by version", "version"),
        ("model", "Predictions by version", "version"),
    ],
)
def test_champion_and_challenger_stand_side_by_side(name: str, title: str, label: str, prometheus: Prometheus) -> None:
    expr = next(expr for found, expr in expressions(boards(SLO)[name]) if found == title)
    assert len({series["metric"].get(label) for series in shown(prometheus, expr)} - {None}) == 2


def test_a_release_can_be_looked_at_alone(prometheus: Prometheus) -> None:
    expr = next(expr for title, expr in expressions(boards(SLO)["service"]) if title == "Predictions by release")
    only = expr.replace('release=~".*"', 'release=~"champion"')
    assert [series["metric"]["release"] for series in shown(prometheus, only)] == ["champion"]


@pytest.mark.parametrize(("page", "query"), [(page, query) for page in PAGES for query in queries(PAGES[page])])
def test_a_query_of_a_runbook_is_answered(page: str, query: str, prometheus: Prometheus) -> None:
    del page
    prometheus.ask(query)  # fails where series cannot be matched
