"""Signatures over a release's files in the OpenSSF model signing format, by a key or by a workflow's identity.

The format is a Sigstore bundle whose payload lists every file with its SHA-256, so whoever has the release and the key
can verify it without this project: ``model_signing verify key RELEASE --signature RELEASE/model.sig --public_key KEY``
(https://github.com/sigstore/model-transparency). Key signatures need no network; identities need Sigstore's services.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from delivery.unit import SIGNATURE, DeliveryError

if TYPE_CHECKING:
    from model_signing import hashing

GITHUB = "https://token.actions.githubusercontent.com"
"""The issuer of the identities of GitHub's workflows."""


@dataclass(frozen=True)
class Signer:
    """Who signs: the owner of ``private_key`` (a PEM file, an elliptic curve), or without one the running workflow."""

    private_key: Path | None
    password: str | None = None

    def sign(self, directory: Path) -> None:
        """Write ``model.sig`` over every file of ``directory``; raises DeliveryError where that cannot be done."""
        from model_signing import signing  # takes seconds to load, which only those wait for who sign

        config = signing.Config().set_hashing_config(_hashing())
        try:
            if self.private_key:
                config.use_elliptic_key_signer(private_key=self.private_key, password=self._password)
            else:
                config.use_sigstore_signer(use_ambient_credentials=True)
            config.sign(directory, directory / SIGNATURE)
        except Exception as error:  # the libraries share no error type
            who = f"with {self.private_key}" if self.private_key else "as this workflow"
            raise DeliveryError(f"cannot sign {who}: {_one_line(error)}") from error

    @property
    def _password(self) -> Any:
        # The library declares text, but hands it on to a function that takes bytes.
        return self.password.encode() if self.password else None


@dataclass(frozen=True)
class Trust:
    """Whose signature counts: that of ``public_key`` (a PEM file), or of a workflow's ``identity`` with its issuer."""

    public_key: Path | None = None
    identity: str | None = None
    issuer: str = GITHUB

    def __post_init__(self) -> None:
        if (self.public_key is None) == (self.identity is None):
            raise DeliveryError(
                "whose signature counts? give exactly one of --public-key FILE (RELEASE_PUBLIC_KEY) and "
                "--identity https://github.com/<owner>/<repository>/.github/workflows/<file>@refs/heads/main "
                "(RELEASE_IDENTITY)"
            )

    def verify(self, directory: Path) -> None:
        """Pass if ``model.sig`` is theirs and lists exactly the files there are; otherwise raise DeliveryError."""
        if not (directory / SIGNATURE).is_file():
            raise DeliveryError(f"no {SIGNATURE}; the release was never signed")
        from model_signing import verifying

        config = verifying.Config().set_hashing_config(_hashing())
        try:
            if self.public_key:
                config.use_elliptic_key_verifier(public_key=self.public_key)
            else:
                config.use_sigstore_verifier(identity=str(self.identity), oidc_issuer=self.issuer)
            config.verify(directory, directory / SIGNATURE)
        except Exception as error:  # whatever a malformed signature makes them raise
            raise DeliveryError(f"{_one_line(error)} (trusted: {self.public_key or self.identity})") from error


def _hashing() -> hashing.Config:
    """Every file but the signature itself; links are refused."""
    from model_signing import hashing

    return hashing.Config().use_file_serialization().set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False)


def _one_line(error: Exception) -> str:
    """What the error says of files and keys, without the bytes of digests that the library shows with each file."""
    said = re.sub(r": Expected .*?(?=, ['\"](?:Hash|Extra|Missing) |\]$)", "", str(error)).replace("\\'", "'")
    return " ".join(said.split()) or type(error).__name__
