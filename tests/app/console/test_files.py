"""The console's files and the report over plain HTTP: what they are, which headers guard them, how they are counted."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from app.artifact import REPORT, resolve
from tests.app.service import Service, Start

STATIC = Path("app/console/static")
PATHS = ["/", *(f"/console/{file.name}" for file in STATIC.iterdir() if file.name != "index.html")]
PREDICTIONS = ("/predict", "/predict/batch", "/v2/models/{name}/infer")
MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def policy(headers: dict[str, str]) -> dict[str, str]:
    """The directives of a content security policy."""
    parts = (directive.partition(" ") for directive in headers["content-security-policy"].split("; "))
    return {name: value for name, _, value in parts}


@pytest.mark.parametrize("path", PATHS)
def test_every_file_is_guarded_and_asked_for_again(flower_service: Service, path: str) -> None:
    answer = flower_service.client.get(path)
    assert answer.status_code == 200
    media_type = MEDIA_TYPES.get(path.rpartition(".")[2], "text/html")
    assert answer.headers["content-type"].split(";")[0] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-cache"
    directives = policy(dict(answer.headers))
    assert directives["default-src"] == directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert {directives[f"{name}-src"] for name in ("script", "style", "connect", "img")} == {"'self'"}
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", PATHS)
def test_head_answers_as_get_does_without_the_body(flower_service: Service, path: str) -> None:
    head, get = flower_service.client.head(path), flower_service.client.get(path)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("etag", "content-type", "content-length", "content-security-policy"):
        assert head.headers[name] == get.headers[name]


def test_what_the_browser_has_is_not_sent_again(flower_service: Service) -> None:
    for path in PATHS:
        first = flower_service.client.get(path)
        for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}'):
            again = flower_service.client.get(path, headers={"if-none-match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == first.headers["etag"]
            assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
        assert flower_service.client.get(path, headers={"if-none-match": '"other"'}).content == first.content


def test_two_files_never_share_a_tag(flower_service: Service) -> None:
    tags = {flower_service.client.get(path).headers["etag"] for path in PATHS}
    assert len(tags) == len(PATHS)


@pytest.mark.parametrize("path", ["/", "/console/main.js", "/model/report"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused_with_those_that_are_not(flower_service: Service, path: str, method: str) -> None:
    answer = flower_service.client.request(method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/console/", "/console/index.html", "/console/nothing.js", "/console/..%2froutes.py"])
def test_nothing_else_is_served(flower_service: Service, path: str) -> None:
    assert flower_service.client.get(path).status_code == 404


def test_everything_the_page_and_its_scripts_refer_to_is_served(flower_service: Service) -> None:
    page = (STATIC / "index.html").read_text()
    named = {name for name in re.findall(r'(?:href|src)="([^"#]+)"', page) if name not in ("docs", "openapi.json")}
    for script in STATIC.glob("*.js"):
        named |= {f"console/{name}" for name in re.findall(r'from "\./([^"]+)"', script.read_text())}
    assert "console/metrics.js" in named
    for name in named:
        assert flower_service.client.get(f"/{name}").status_code == 200, name


def test_no_file_names_an_address_elsewhere() -> None:
    for file in STATIC.iterdir():
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", file.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, file.name  # a namespace, which nobody fetches


def test_the_labels_of_the_console_are_three(start_service: Start, flowers: Path) -> None:
    service = start_service(flowers)
    for path in [*PATHS, "/model/report", "/console/nothing.js", "/console/7"]:
        service.client.get(path)
    metrics = service.metrics()
    labels = {found[1] for name in metrics if (found := re.match(r'api_requests_total{endpoint="(.*?)"', name))}
    assert labels == {"/", "/console", "/model/report", "other", *PREDICTIONS}
    assert metrics['api_requests_total{endpoint="/",method="GET",status="200"}'] == 1
    assert metrics['api_requests_total{endpoint="/console",method="GET",status="200"}'] == len(PATHS) - 1


def test_the_report_is_the_artifacts_and_may_fetch_and_run_nothing(trained_service: Service) -> None:
    manifest = trained_service.client.get("/model").json()
    answer = trained_service.client.get("/model/report")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["etag"].strip('"') == manifest["files"][REPORT][:32]
    assert "<h1>loans</h1>" in answer.text
    directives = policy(dict(answer.headers))
    assert directives["default-src"] == "'none'"
    assert "script-src" not in directives
    assert "sandbox" in directives
    known = {"if-none-match": answer.headers["etag"]}
    assert trained_service.client.get("/model/report", headers=known).status_code == 304
    assert trained_service.client.head("/model/report").headers["content-length"] == str(len(answer.content))


def test_an_artifact_without_a_report_says_so(flower_service: Service) -> None:
    answer = flower_service.client.get("/model/report")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:mlplatform:problem:no-report"
    assert "holds no report.html" in answer.json()["detail"]


def test_a_report_that_was_altered_since_the_start_is_not_shown(
    start_service: Start, iris: Path, tmp_path: Path
) -> None:
    artifact = Path(shutil.copytree(iris, tmp_path / "iris"))
    service = start_service(artifact)
    assert "<h1>iris</h1>" in service.client.get("/model/report").text
    (resolve(artifact) / REPORT).write_text("<h1>weeds</h1>")
    answer = service.client.get("/model/report")
    assert answer.status_code == 500
    assert "weeds" not in answer.text
    (line,) = [line for line in service.log_lines() if line["logger"] == "app.errors"]
    assert line["error_id"] == answer.json()["error_id"]
    assert "altered or truncated" in line["traceback"]
    assert service.client.post("/predict", json={}).status_code == 422
