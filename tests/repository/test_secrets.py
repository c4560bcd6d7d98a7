"""Credentials do not get past `make secrets`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def private_key() -> str:
    """As openssl writes one."""
    form = serialization.PrivateFormat.TraditionalOpenSSL
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture(scope="module")
def recipe(repository: Path) -> list[str]:
    """The detector's command as the Makefile has it, without the list of files."""
    shown = subprocess.run(["make", "--dry-run", "secrets"], cwd=repository, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    command = shown.stdout.replace("\\\n", " ").rpartition("detect-secrets-hook")[2]
    return [str(Path(sys.prefix) / "bin" / "detect-secrets-hook"), *shlex.split(command)]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (private_key, "Private Key"),
        (lambda: "key = '" + "AKIA" + "Z" * 8 + "Q" * 8 + "'", "AWS Access Key"),
        (lambda: "token: " + "ghp_" + "a1B2" * 9, "GitHub Token"),
        (lambda: "AccountKey=" + "a1b2" * 21 + "zz==", "Azure Storage Account access key"),
        (lambda: "url: https://me:" + "s3cret" + "@example.com/x", "Basic Auth Credentials"),
    ],
)
def test_a_credential_is_found(content: Callable[[], str], kind: str, recipe: list[str], tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(content() + "\n")
    found = subprocess.run([*recipe, "settings.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 1
    assert kind in found.stdout


def test_digests_and_names_of_secrets_are_none(recipe: list[str], tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(f"image: a@sha256:{'ab' * 32}\npassword: {{secret: vault-name}}\n")
    found = subprocess.run([*recipe, "settings.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout
