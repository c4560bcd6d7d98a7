"""What is not as it was signed, or not signed by those who count, must not be deployed, and the refusal says why."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from delivery.signature import Signer, Trust
from delivery.unit import SIGNATURE, UNIT, DeliveryError, RefusedError
from delivery.verify import checks, require
from tests.delivery.conftest import Keys, make_keys

pytestmark = pytest.mark.registry


def failed(directory: Path, trust: Trust) -> dict[str, str]:
    """What failed, and why."""
    return {check.name: check.found for check in checks(directory, trust) if not check.passed}


def change(file: Path, old: str, new: str) -> None:
    """Replace a text that must be there, as somebody who wants to would."""
    content = file.read_text()
    assert old in content
    file.chmod(0o644)
    file.write_text(content.replace(old, new))


def sign_again(directory: Path, keys: Keys) -> None:
    """Sign what is there now."""
    (directory / SIGNATURE).unlink()
    Signer(keys.private).sign(directory)


def test_a_release_that_is_as_it_was_made_may_be_deployed(released: Path, trust: Trust) -> None:
    assert failed(released, trust) == {}
    assert require(released, trust).id == released.name


def test_anybody_can_verify_it_with_the_formats_own_tool(released: Path, keys: Keys) -> None:
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(released)]
    options = ["--signature", str(released / SIGNATURE), "--public_key", str(keys.public)]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    change(released / "report.html", "<html", "<HTML")
    assert subprocess.run([*command, *options], capture_output=True).returncode != 0


@pytest.mark.parametrize(
    ("file", "old", "new", "wrong"),
    [
        ("report.html", "<html", "<HTML", {"signature", "model"}),
        ("manifest.json", '"accuracy": 0', '"accuracy": 1', {"signature", "model"}),
        ("release.json", '"passed": true', '"passed": false', {"signature"}),
        ("sbom.cdx.json", '"alpha"', '"omega"', {"signature"}),
        (UNIT, "00000000", "11111111", {"signature", "record", "gate", "model"}),
        (UNIT, '"passed": true', '"passed": false', {"signature", "gate"}),
    ],
)
def test_an_altered_file_is_named(file: str, old: str, new: str, wrong: set[str], released: Path, trust: Trust) -> None:
    change(released / file, old, new)
    found = failed(released, trust)
    assert set(found) == wrong
    assert f"Hash mismatch for '{file}'" in found["signature"]
    with pytest.raises(RefusedError, match=r"must not be deployed: .*signature: "):
        require(released, trust)


def add(directory: Path) -> None:
    (directory / ".gitignore").write_text("*")


def remove(directory: Path) -> None:
    (directory / "release.json").unlink()


def link(directory: Path) -> None:
    (directory / "release.json").rename(directory.parent / "elsewhere.json")
    (directory / "release.json").symlink_to(directory.parent / "elsewhere.json")


@pytest.mark.parametrize(
    ("alter", "reason"), [(add, "Extra files found"), (remove, "Missing files"), (link, "symlink")]
)
def test_files_that_come_go_or_become_links_break_the_signature(
    alter: Callable[[Path], None], reason: str, released: Path, trust: Trust
) -> None:
    alter(released)
    assert reason in failed(released, trust)["signature"]


def test_a_release_of_another_signer_does_not_count(released: Path, tmp_path: Path, trust: Trust) -> None:
    stranger = make_keys(tmp_path / "stranger")
    sign_again(released, stranger)
    assert "Key mismatch" in failed(released, trust)["signature"]
    assert failed(released, Trust(public_key=stranger.public)) == {}


def test_a_signature_that_is_missing_broken_or_anothers_does_not_count(
    released: Path, trust: Trust, tmp_path: Path, keys: Keys
) -> None:
    signature = released / SIGNATURE
    original = signature.read_text()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("signed too")
    Signer(keys.private).sign(elsewhere)
    signature.chmod(0o644)
    for broken in ("", "{}", "[]", original[:-20], (elsewhere / SIGNATURE).read_text()):
        signature.write_text(broken)
        assert set(failed(released, trust)) == {"signature"}, broken[:40]
    envelope = json.loads(original)
    envelope["dsseEnvelope"]["signatures"][0]["sig"] = "AAAA"
    signature.write_text(json.dumps(envelope))
    assert set(failed(released, trust)) == {"signature"}
    signature.unlink()
    assert "never signed" in failed(released, trust)["signature"]


def test_a_signed_record_whose_gate_failed_is_refused_by_the_gate(released: Path, trust: Trust, keys: Keys) -> None:
    change(released / UNIT, '"passed": true', '"passed": false')
    change(released / UNIT, '"reasons": []', '"reasons": ["too slow"]')
    sign_again(released, keys)
    assert failed(released, trust) == {"gate": "failed: too slow"}


def test_a_signed_model_that_is_not_the_records_is_refused(
    released: Path, trust: Trust, keys: Keys, version: str
) -> None:
    change(released / "manifest.json", version, "f" * 16)
    sign_again(released, keys)
    assert set(failed(released, trust)) == {"model"}


def test_a_release_under_another_name_is_refused(released: Path, trust: Trust) -> None:
    moved = released.rename(released.with_name("0" * 16 + released.name[16:]))
    assert set(failed(moved, trust)) == {"record"}


def test_a_contents_list_that_is_none_is_refused(released: Path, trust: Trust, keys: Keys) -> None:
    change(released / "sbom.cdx.json", '"specVersion": "1.6"', '"specVersion": 16')
    sign_again(released, keys)
    assert "not a CycloneDX 1.6 document" in failed(released, trust)["contents"]


def test_a_private_key_with_a_password_signs_too(released: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        ["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", tmp_path / "plain.pem"],
        capture_output=True,
    )  # the curve and the tool that the documents name
    assert done.returncode == 0, done.stderr
    for command in (
        ["openssl", "ec", "-in", "plain.pem", "-aes256", "-passout", "pass:secret", "-out", "key.pem"],
        ["openssl", "ec", "-in", "plain.pem", "-pubout", "-out", "key.pub"],
    ):
        assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    (released / SIGNATURE).unlink()
    with pytest.raises(DeliveryError, match="cannot sign with"):
        Signer(tmp_path / "key.pem", "wrong").sign(released)
    Signer(tmp_path / "key.pem", "secret").sign(released)
    assert failed(released, Trust(public_key=tmp_path / "key.pub")) == {}


@pytest.mark.parametrize("given", [{}, {"public_key": Path("k"), "identity": "i"}])
def test_whose_signature_counts_must_be_said(given: dict[str, str]) -> None:
    with pytest.raises(DeliveryError, match="whose signature counts"):
        Trust(**given)  # pyright: ignore[reportArgumentType]


def test_a_copy_elsewhere_is_as_good(released: Path, trust: Trust, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(released, tmp_path / "downloaded" / released.name))
    assert failed(copied, trust) == {}
