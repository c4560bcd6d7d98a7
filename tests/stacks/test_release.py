"""What a development stack builds: this checkout's model and code, named by digest, as one release."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.local.registry import Registry
from components.local.settings import Settings
from stacks import config, release
from stacks.config import ConfigError
from tests.components.harness import UNKNOWN, Run, run

VERSION = "0123456789abcdef"
COMMIT = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@b.c",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b.c",
}


def git(directory: Path, *arguments: str) -> str:
    command = ["git", "-C", str(directory), *arguments]
    environment = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", **COMMIT}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository with code and a trained model, as the working directory."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "api.py").write_text("")
    (tmp_path / "artifacts" / "iris").mkdir(parents=True)
    (tmp_path / "artifacts" / "iris" / "current").write_text(f"{VERSION}\n")
    (tmp_path / ".gitignore").write_text("artifacts/\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message=first")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def build(preview: bool = False, **settings: Any) -> Run:
    """A development stack's images; exports the release."""

    def program() -> dict[str, Any]:
        found = config.read(Settings)
        registry = Registry("registry", found.environment)
        traffic = release.traffic(found, registry, platforms=(), engine_id=lambda name: name.apply("id of {}".format))
        return {"release": traffic.stable.id, "commit": traffic.stable.commit, "image": traffic.stable.image}

    own = {"cloud": "local", "environment": "dev", "model": "iris", "image": "build", **settings}
    return run(program, config={f"mlplatform:{key}": value for key, value in own.items()}, preview=preview)


def test_the_image_is_built_for_the_current_model_and_dated_by_the_commit(checkout: Path) -> None:
    commit, time = git(checkout, "log", "-1", "--format=%H %ct").split()
    found = build()
    assert found.one("docker-build:index:Image").inputs["buildArgs"] == {
        "MODEL_NAME": "iris",
        "MODEL_VERSION": VERSION,
        "REVISION": commit,
        "SOURCE_DATE_EPOCH": time,
    }
    assert found.outputs["commit"] == commit
    assert re.fullmatch(f"id of localhost/test-serving-[a-z2-7]{{8}}:{VERSION}", found.outputs["image"])


@pytest.mark.usefixtures("checkout")
def test_nothing_is_built_in_a_preview_unless_asked() -> None:
    assert build(preview=True).one("docker-build:index:Image").inputs["buildOnPreview"] is False
    assert build(preview=True, buildOnPreview="true").one("docker-build:index:Image").inputs["buildOnPreview"] is True
    assert build(preview=True).outputs["release"] is UNKNOWN


@pytest.mark.usefixtures("checkout")
def test_the_local_engine_keeps_the_image_and_no_registry_gets_it() -> None:
    inputs = build().one("docker-build:index:Image").inputs
    assert inputs["load"] is True
    assert inputs["push"] is False
    assert "exports" not in inputs
    assert inputs["tags"][0].startswith("localhost/")


@pytest.mark.usefixtures("checkout")
def test_a_pinned_model_and_another_base_are_passed_on() -> None:
    found = build(model="wine@fedcba9876543210", baseImage="python:3.12")
    arguments = found.one("docker-build:index:Image").inputs["buildArgs"]
    assert arguments["MODEL_NAME"] == "wine"
    assert arguments["MODEL_VERSION"] == "fedcba9876543210"
    assert arguments["BASE_IMAGE"] == "python:3.12"


def test_only_a_commit_that_touches_the_images_inputs_makes_another_release(checkout: Path) -> None:
    before = build().outputs["commit"]
    (checkout / "README.md").write_text("text")
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message=docs")
    assert build().outputs["commit"] == before
    (checkout / "app" / "api.py").write_text("changed")
    assert build().outputs["commit"] == f"{before}-dirty"
    git(checkout, "commit", "--quiet", "--all", "--message=code")
    assert build().outputs["commit"] == git(checkout, "rev-parse", "HEAD") != before


def test_outside_of_git_the_commit_is_unknown(checkout: Path) -> None:
    (checkout / ".git").rename(checkout / "not-git")
    found = build()
    assert found.outputs["commit"] == "unknown"
    assert "REVISION" not in found.one("docker-build:index:Image").inputs["buildArgs"]


def test_without_a_model_the_remedy_is_said(checkout: Path) -> None:
    (checkout / "artifacts" / "iris" / "current").unlink()
    with pytest.raises(ConfigError, match=r"artifacts/iris/current cannot be read .*; run `make train`, or pin"):
        build()
