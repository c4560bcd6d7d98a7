"""What the README tells is what happens: its trainings are run, its requests sent and their answers compared."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.settings import table
from tests.app.service import run_app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TRAININGS = re.findall(r'^make train ARGS="(.+)"$', README, re.MULTILINE)
CURL = r"^\$ curl -s http://127\.0\.0\.1:8000/predict .*?-d '(\{.*?\})'\n(.*?)\n```"
REQUESTS = [(json.loads(body), answer) for body, answer in re.findall(CURL, README, re.MULTILINE | re.DOTALL)]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Iris and the README's own-data examples, trained by the README's arguments."""
    directory = tmp_path_factory.mktemp("readme")
    [prepare] = re.findall(r'^\.venv/bin/python -c "(.+)"$', README, re.MULTILINE)
    subprocess.run([sys.executable, "-c", prepare], cwd=directory, check=True)
    (directory / "examples").symlink_to(ROOT / "examples")
    for arguments in ["", *TRAININGS]:
        command = [sys.executable, "-m", "training", *shlex.split(arguments), "--artifacts", "artifacts"]
        done = subprocess.run(command, cwd=directory, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return directory / "artifacts"


def ask(artifact: Path, log: Path, body: dict[str, Any], path: str = "/predict") -> httpx.Response:
    """The answer of a server of ``artifact``."""
    service = run_app(artifact, log)
    try:
        return service.client.post(path, json=body)
    finally:
        assert service.stop() == 0
        service.close()


def test_the_readme_shows_a_flower_a_bad_request_and_a_row_with_a_gap() -> None:
    assert len(REQUESTS) == 3
    assert len(TRAININGS) == 3


@pytest.mark.parametrize(("name", "index"), [("iris", 0), ("loans", 2)])
def test_a_request_of_the_readme_is_answered_as_it_says(name: str, index: int, artifacts: Path, tmp_path: Path) -> None:
    body, shown = REQUESTS[index]
    found, expected = ask(artifacts / name, tmp_path / "log", body).json(), json.loads(shown)
    # The version depends on the code and the libraries; that it is one is all that the README promises.
    assert re.fullmatch(r"[0-9a-f]{16}", found.pop("model_version"))
    del expected["model_version"]
    assert found == expected


def test_the_bad_request_of_the_readme_is_refused_in_its_words(artifacts: Path, tmp_path: Path) -> None:
    body, shown = REQUESTS[1]
    found = ask(artifacts / "iris", tmp_path / "log", body).json()
    for part in re.findall(r'"(?:type|title|detail|reason|remedy)":"[^"]+"', shown):
        assert part in json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def test_the_regression_of_the_readme_answers_a_number(artifacts: Path, tmp_path: Path) -> None:
    manifest = json.loads(next((artifacts / "diabetes").glob("*/manifest.json")).read_text())
    answer = ask(artifacts / "diabetes", tmp_path / "log", manifest["example"]["instance"]).json()
    assert answer["prediction"] == manifest["example"]["prediction"]


@pytest.mark.parametrize("page", ["inference-protocol.md", "arrow.md"])
def test_a_program_of_the_documentation_prints_what_the_page_shows(page: str, artifacts: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    [(program, printed)] = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    service = run_app(artifacts / "iris", tmp_path / "log")
    try:
        program = program.replace("127.0.0.1:8000", service.url.removeprefix("http://"))
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    finally:
        assert service.stop() == 0
        service.close()
    assert (done.stdout, done.stderr) == (printed, "")


def test_the_inference_request_of_the_documentation_is_answered_as_it_says(artifacts: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "inference-protocol.md").read_text(encoding="utf-8")
    curl = r"^\$ curl -s http://127\.0\.0\.1:8000(\S+) .*? -d '(\{.*?)'\n(.*?)\n```"
    [(path, body, shown)] = re.findall(curl, page, re.MULTILINE | re.DOTALL)
    found, expected = ask(artifacts / "iris", tmp_path / "log", json.loads(body), path).json(), json.loads(shown)
    assert found | {"model_version": ""} == expected | {"model_version": ""}


def test_the_commands_of_the_registry_lead_from_the_current_model_to_another_and_back(
    artifacts: Path, tmp_path: Path
) -> None:
    shutil.copytree(artifacts.parent, tmp_path / "machine", symlinks=True)
    machine = tmp_path / "machine"
    section = README.partition("## Retraining and the registry")[2].partition("\n## ")[0]
    commands = re.findall(
        r'^(?:make|\.venv/bin/python -m training) (\w+)(?: ARGS="(.*?)"| ([\w -]+?))? *(?:#.*)?$', section, re.M
    )
    assert [command for command, *_ in commands] == ["retrain", "list", "compare", "promote", "rollback"]
    currents: list[str] = []
    for command, options, arguments in commands:
        words = [sys.executable, "-m", "training", command, *shlex.split(f"{options} {arguments}")]
        done = subprocess.run(words, cwd=machine, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        currents.append((machine / "artifacts/iris/current").read_text())
    assert currents[0] == currents[2] == currents[4] != currents[3]


def test_the_table_of_settings_is_the_services() -> None:
    assert table() in README


@pytest.mark.parametrize(
    "document", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))]
)
def test_every_link_of_a_document_leads_to_a_file(document: str) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / document).read_text(encoding="utf-8")):
        assert (ROOT / document).parent.joinpath(target).exists(), target
