"""Where a stack's state lies: what was chosen, else the checkout, never for production."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine import placeholders
from engine.workspace import Workspace, WorkspaceError, for_plain_pulumi, prepare

DEV = "config:\n  mlplatform:environment: dev\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with two stacks, and a home without a login."""
    (tmp_path / "home").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: mlplatform\n")
    (tmp_path / "Pulumi.azure-dev.yaml").write_text(DEV)
    (tmp_path / "Pulumi.azure-prod.yaml").write_text(DEV.replace("dev", "prod"))
    return tmp_path


def prepared(root: Path, stack: str = "azure-dev", **environment: str) -> Workspace:
    """The workspace of somebody who has set just these variables."""
    return prepare(root, stack, {"PULUMI_HOME": str(root / "home"), **environment})


@pytest.mark.parametrize("variable", ["PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN"])
@pytest.mark.parametrize("stack", ["azure-dev", "azure-prod"])
def test_a_backend_of_the_environment_is_left_alone(root: Path, variable: str, stack: str) -> None:
    found = prepared(root, stack, **{variable: "s3://state"})
    assert found.environment == {"PULUMI_HOME": str(root / "home"), variable: "s3://state"}
    assert found.derived is None
    assert not (root / ".pulumi").exists()


def test_a_login_is_left_alone(root: Path) -> None:
    (root / "home/credentials.json").write_text(json.dumps({"current": "https://api.pulumi.com"}))
    assert "PULUMI_BACKEND_URL" not in prepared(root, "azure-prod").environment


def test_a_backend_of_the_project_is_left_alone(root: Path) -> None:
    (root / "Pulumi.yaml").write_text("name: mlplatform\nbackend:\n  url: gs://state\n")
    assert "PULUMI_BACKEND_URL" not in prepared(root, "azure-prod").environment


def test_production_without_a_backend_is_one_line_that_names_the_remedy(root: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"azure-prod is production.*`pulumi login.*PULUMI_BACKEND_URL") as error:
        prepared(root, "azure-prod")
    assert "\n" not in str(error.value)
    assert not (root / ".pulumi").exists()


def test_a_stack_without_a_file_is_answered_with_those_that_have_one(root: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"no Pulumi\.azur\.yaml; STACK is one of azure-dev, azure-prod"):
        prepared(root, "azur")


def test_a_passphrase_is_made_once_and_only_its_owner_reads_it(root: Path) -> None:
    first = prepared(root)
    file = Path(first.environment["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passphrase = file.read_text()
    assert len(passphrase) >= 40
    assert any("made a passphrase" in note for note in first.notes)
    assert not any("made a passphrase" in note for note in prepared(root).notes)
    assert file.read_text() == passphrase


@pytest.mark.parametrize("own", [{"PULUMI_CONFIG_PASSPHRASE": ""}, {"PULUMI_CONFIG_PASSPHRASE_FILE": "/run/secret"}])
def test_a_passphrase_of_the_user_is_the_one(root: Path, own: Mapping[str, str]) -> None:
    found = prepared(root, **own)
    assert own.items() <= found.environment.items()
    assert not (root / ".pulumi/passphrase").exists()


def test_a_file_that_says_how_its_secrets_are_encrypted_is_used_itself(root: Path) -> None:
    file = root / "Pulumi.azure-dev.yaml"
    assert prepared(root).derived == root / ".pulumi" / file.name
    file.write_text(f"secretsprovider: awskms://alias/x\n{DEV}")
    assert prepared(root).derived is None


def test_a_salt_of_an_unknown_passphrase_is_told_before_pulumi_calls_it_incorrect(root: Path) -> None:
    (root / "Pulumi.azure-dev.yaml").write_text(f"encryptionsalt: v1:AAAA\n{DEV}")
    with pytest.raises(WorkspaceError, match="PULUMI_CONFIG_PASSPHRASE_FILE"):
        prepared(root)
    assert prepared(root, PULUMI_CONFIG_PASSPHRASE="known").derived is None


def test_a_state_in_the_checkout_that_is_not_used_any_more_is_mentioned(root: Path) -> None:
    kept = root / ".pulumi/stacks/mlplatform/azure-dev.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    assert any("is another" in note for note in prepared(root, PULUMI_BACKEND_URL="s3://state").notes)


def test_the_variables_for_plain_pulumi_are_no_choice_of_a_backend(root: Path) -> None:
    home = {"PULUMI_HOME": str(root / "home")}
    own = for_plain_pulumi(root, home)
    assert own["PULUMI_BACKEND_URL"] == root.as_uri()
    with pytest.raises(WorkspaceError, match="azure-prod is production"):
        prepared(root, "azure-prod", **own)
    assert prepared(root, **own).derived is not None
    assert for_plain_pulumi(root, {**home, "PULUMI_BACKEND_URL": "s3://state"}) == {}


def test_secrets_are_replaced_wherever_they_stand_and_the_key_to_them_is_dropped(tmp_path: Path) -> None:
    document = {
        "encryptionsalt": "v1:AAAA",
        "config": {
            "mlplatform:model": "iris@0123456789abcdef",
            "mlplatform:image": "build",
            "mlplatform:hook": {"secure": "v1:BBBB"},
            "mlplatform:service": {"env": [{"TOKEN": {"secure": "v1:CCCC"}}], "secure": {"kept": 1}},
            "mlplatform:receivers": [{"name": "a", "secret": "hook"}, {"name": "b", "secret": "elsewhere"}],
        },
    }
    filled, made_up = placeholders.fill(document, tmp_path)
    assert made_up == ["mlplatform:elsewhere"]
    assert filled["config"] | {"mlplatform:receivers": []} == {
        "mlplatform:model": "iris@0123456789abcdef",
        "mlplatform:image": "build",
        "mlplatform:hook": placeholders.SECRET,
        "mlplatform:service": {"env": [{"TOKEN": placeholders.SECRET}], "secure": {"kept": 1}},
        "mlplatform:receivers": [],
        "mlplatform:elsewhere": placeholders.SECRET,
    }
    assert "encryptionsalt" not in filled
