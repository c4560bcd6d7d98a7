"""`python -m delivery` as people and CI call it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from delivery.__main__ import main
from delivery.store import read
from tests.delivery.conftest import ROOT, Keys, Push

pytestmark = pytest.mark.registry


def delivery(directory: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``python -m delivery <arguments>`` in ``directory``, within this process, which has loaded the libraries."""
    output, errors = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(directory), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors),
        mock.patch.dict(os.environ, variables), mock.patch.object(sys, "argv", ["delivery", *arguments]),
        pytest.raises(SystemExit) as ended,
    ):  # fmt: skip
        main()
    return subprocess.CompletedProcess(arguments, int(ended.value.code or 0), output.getvalue(), errors.getvalue())


@pytest.fixture
def checkout(model: Path) -> Path:
    """A directory with ``artifacts/iris``."""
    return model.parent.parent


def test_from_an_image_to_a_pinned_stack(
    checkout: Path, push: Push, version: str, bom: bytes, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "bom.json").write_bytes(bom)
    image = push(version)
    made = delivery(
        checkout, "release", "--image", image, "--sbom", str(tmp_path / "bom.json"), "--json",
        RELEASE_SIGNING_KEY=str(keys.private),
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    release = json.loads(made.stdout)["id"]

    listed = delivery(checkout, "show")
    assert release in listed.stdout
    assert "passed" in listed.stdout
    shown = delivery(checkout, "show", version)
    assert image in shown.stdout

    trusted = {"RELEASE_PUBLIC_KEY": str(keys.public)}
    verified = delivery(checkout, "verify", version, "--json", **trusted)
    assert verified.returncode == 0, verified.stderr
    assert all(check["passed"] for check in json.loads(verified.stdout))

    stack = checkout / "Pulumi.gcp-prod.yaml"
    stack.write_text((ROOT / stack.name).read_text())
    pinned = delivery(checkout, "pin", version, "--stack", "gcp-prod", "--as", "stable", **trusted)
    assert pinned.returncode == 0, pinned.stderr
    assert pinned.stdout == f"Pulumi.gcp-prod.yaml: stable: {release}\n"
    assert f"image: {image}" in stack.read_text()


def test_what_is_not_signed_by_those_who_count_is_refused_and_the_stack_left_alone(
    checkout: Path, released: Path, keys: Keys
) -> None:
    stack = checkout / "Pulumi.dev.yaml"
    stack.write_text("config:\n  mlplatform:cloud: local\n")
    (released / "report.html").chmod(0o644)
    (released / "report.html").write_text("better")
    trusted = {"RELEASE_PUBLIC_KEY": str(keys.public)}
    pinned = delivery(checkout, "pin", released.name, "--stack", "dev", "--as", "stable", **trusted)
    assert pinned.returncode == 1
    assert pinned.stderr.startswith(f"refused: {released.name} must not be deployed: signature: ")
    assert pinned.stderr.count("\n") == 1
    assert stack.read_text() == "config:\n  mlplatform:cloud: local\n"
    verified = delivery(checkout, "verify", released.name, **trusted)
    assert verified.returncode == 1
    assert "✗" in verified.stdout
    assert "report.html" in verified.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["verify", "abc"], "no release abc in artifacts/iris/releases"),
        (["release", "--image", "x", "--sbom", "/dev/null"], "who signs?"),
        (["release", "--image", "x", "--sbom", "nowhere", "--keyless"], "nowhere: No such file"),
        (["pin", "abc", "--stack", "dev", "--as", "both"], "--as both"),
        (["sbom", "--output", "x"], "exactly one of --image and --site-packages"),
        (["report", "--before", "nowhere"], "nowhere: no such directory"),
    ],
)
def test_what_cannot_be_worked_with_is_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = delivery(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_the_difference_of_two_releases_is_shown_and_that_of_one_is_none(
    checkout: Path, released: Path, push: Push, version: str, bom: bytes, keys: Keys, tmp_path: Path
) -> None:
    (tmp_path / "bom.json").write_bytes(bom.replace(b'"1.0"', b'"2.0"').replace(b"MIT", b"ISC"))
    second = delivery(
        checkout, "release", "--image", push(version, "d" * 40), "--sbom", str(tmp_path / "bom.json"), "--json",
        "--key", str(keys.private),
    )  # fmt: skip
    assert second.returncode == 0, second.stderr
    after = json.loads(second.stdout)["id"]
    same = delivery(checkout, "diff", released.name, released.name)
    assert (same.returncode, same.stdout.strip()) == (0, "the same release")
    other = delivery(checkout, "diff", released.name, after, "--json")
    assert other.returncode == 1
    found = {each["what"]: (each["before"], each["after"]) for each in json.loads(other.stdout)}
    assert found["commit"] == (read(released).commit, "d" * 40)
    assert found["package alpha"] == ("1.0", "2.0")
    assert found["licence alpha"] == ("MIT", "ISC")
    assert "model" not in found
    assert "licence alpha" in delivery(checkout, "diff", released.name, after).stdout


def test_it_runs_as_a_module_and_tells_its_commands() -> None:
    done = subprocess.run([sys.executable, "-m", "delivery", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    for command in ("release", "show", "verify", "diff", "promote", "pin", "pin-model", "report", "sbom", "licences"):
        assert f"  {command} " in done.stdout
