"""Pinning writes what the stack's program reads, and leaves the rest of the file, comments included, as it was."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
import yaml
from msgspec import structs

from app.artifact import Gate
from delivery.pin import pin, pin_model, serve
from delivery.steps import Deployed, Serving
from delivery.unit import DeliveryError, Unit, make
from tests.delivery.conftest import COMMIT, ROOT

DIGEST = "sha256:" + "ab" * 32
UNIT: Unit = make(
    name="iris",
    model_version="0123456789abcdef",
    image=f"build.test/serving@{DIGEST}",
    image_bytes=1,
    commit=COMMIT,
    created="2026-01-01T00:00:00+00:00",
    gate=Gate(passed=True, reasons=[], champion=None, champion_metrics={}),
)
STACKS = sorted(ROOT.glob("Pulumi.*.yaml"))


def copy(file: Path, folder: Path) -> Path:
    """The file where a test may write."""
    target = folder / file.name
    target.write_text(file.read_text())
    return target


def changed(before: Path, after: Path) -> list[str]:
    """The lines that differ."""
    lines = difflib.ndiff(before.read_text().splitlines(), after.read_text().splitlines())
    return [line for line in lines if line[0] in "+-"]


@pytest.mark.parametrize("file", [file for file in STACKS if file.stem.endswith("prod")], ids=lambda file: file.stem)
def test_a_release_is_added_and_nothing_else_changes(file: Path, tmp_path: Path) -> None:
    target = copy(file, tmp_path)
    pin(target, "stable", UNIT, repository="prod.test/serving")
    assert changed(file, target) == [
        "+   mlplatform:stable:",
        f"+     image: prod.test/serving@{DIGEST}",
        f"+     modelVersion: {UNIT.model_version}",
        f"+     commit: {COMMIT}",
    ]


def test_what_was_written_is_read_as_texts(tmp_path: Path) -> None:
    """A version of digits alone, or of digits around an e, would be read as a number."""
    for version in ("1234567890123456", "12345678901234e5", "0123456701234567"):
        unit = structs.replace(UNIT, model_version=version, commit="1" * 40)
        target = copy(ROOT / "Pulumi.gcp-prod.yaml", tmp_path)
        pin(target, "stable", unit)
        found = yaml.safe_load(target.read_text())["config"]["mlplatform:stable"]
        assert (found["modelVersion"], found["commit"]) == (version, "1" * 40)


def test_a_candidate_starts_without_traffic_whatever_its_predecessor_had(tmp_path: Path) -> None:
    target = copy(ROOT / "Pulumi.gcp-prod.yaml", tmp_path)
    with pytest.raises(DeliveryError, match="no stable release"):
        pin(target, "candidate", UNIT)
    pin(target, "stable", UNIT)
    target.write_text(target.read_text() + "  mlplatform:candidateWeight: 50 # half\n")
    assert "candidateWeight: 0" in pin(target, "candidate", UNIT)
    found = yaml.safe_load(target.read_text())["config"]
    assert found["mlplatform:candidateWeight"] == 0
    assert found["mlplatform:candidate"] == found["mlplatform:stable"]
    assert "# half" in target.read_text()


def test_a_stack_that_built_its_checkout_runs_releases_from_then_on(tmp_path: Path) -> None:
    target = copy(ROOT / "Pulumi.dev.yaml", tmp_path)
    assert "image: build removed; the stack runs releases now" in pin(target, "stable", UNIT)
    assert "mlplatform:image" not in yaml.safe_load(target.read_text())["config"]


def test_a_training_job_whose_image_was_built_needs_one_by_digest(tmp_path: Path) -> None:
    target = copy(ROOT / "Pulumi.azure-dev.yaml", tmp_path)
    with pytest.raises(DeliveryError, match="--training-image"):
        pin(target, "stable", UNIT)
    assert target.read_text() == (ROOT / target.name).read_text()
    pin(target, "stable", UNIT, training_image=f"build.test/training@{DIGEST}")
    assert yaml.safe_load(target.read_text())["config"]["mlplatform:trainingImage"] == f"build.test/training@{DIGEST}"


@pytest.mark.parametrize("file", STACKS, ids=lambda file: file.stem)
def test_pinning_a_model_changes_its_line_alone(file: Path, tmp_path: Path) -> None:
    target = copy(file, tmp_path)
    assert pin_model(target, "iris", "0123456789abcdef") == ["model: iris → iris@0123456789abcdef"]
    assert [line for line in changed(file, target) if "?" not in line] == [
        "-   mlplatform:model: iris",
        "+   mlplatform:model: iris@0123456789abcdef",
    ]
    assert pin_model(target, "iris", "0123456789abcdef") == []


def test_a_file_that_is_missing_or_no_stacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"no Pulumi.x.yaml"):
        pin_model(tmp_path / "Pulumi.x.yaml", "iris", "1")
    for text in ("a: [", "", "config: 1"):
        (tmp_path / "Pulumi.x.yaml").write_text(text)
        with pytest.raises(DeliveryError, match=r"Pulumi.x.yaml"):
            pin_model(tmp_path / "Pulumi.x.yaml", "iris", "1")


@pytest.mark.parametrize("file", [file for file in STACKS if "-prod" in file.name], ids=lambda file: file.stem)
def test_a_file_follows_what_the_stack_serves_and_keeps_its_comments(file: Path, tmp_path: Path) -> None:
    target = copy(file, tmp_path)
    old, new = Deployed.of(UNIT), Deployed.of(UNIT, "other.test/serving")
    serve(target, Serving(stable=old, candidate=new, weight=5))
    config = yaml.safe_load(target.read_text())["config"]
    assert config["mlplatform:stable"] == old.settings
    assert config["mlplatform:candidate"] == new.settings
    assert config["mlplatform:candidateWeight"] == 5

    serve(target, Serving(stable=new))
    config = yaml.safe_load(target.read_text())["config"]
    assert config["mlplatform:stable"] == new.settings
    assert not {"mlplatform:candidate", "mlplatform:candidateWeight"} & set(config)
    assert not [line for line in changed(file, target) if line.startswith("-") and "#" in line]


def test_a_file_that_says_so_already_is_not_written_again(tmp_path: Path) -> None:
    target = copy(STACKS[0], tmp_path)
    serve(target, Serving(stable=Deployed.of(UNIT)))
    before = target.stat().st_mtime_ns, target.stat().st_ino
    serve(target, Serving(stable=Deployed.of(UNIT)))
    assert (target.stat().st_mtime_ns, target.stat().st_ino) == before
