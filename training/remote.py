"""Artifacts beyond this machine: an object store (S3, GCS, Azure, a directory) with the layout of ``artifacts/``.

A training job in a cloud starts with an empty disk: it takes the current model from the store, judges its own against
it, and hands its version back. The pointer is written last, and only for a model that passed the gate.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from app.artifact import CURRENT, MANIFEST, RELEASE, Manifest, Release, encode, is_version, sha256, version_of
from training.errors import PublishError, SettingsError
from training.publish import promote, write_version
from training.registry.spool import Intent

WAITING = "waiting"


class Remote:
    """The models of one name in the store at ``url``; credentials are those of the environment.

    Raises SettingsError for an address that no store has, and PublishError where the store refuses.
    """

    def __init__(self, url: str, name: str) -> None:
        self._address = f"{url.rstrip('/')}/{name}"
        self._name = name
        try:
            self._store: ObjectStore = from_url(url)
        except (BaseError, ValueError) as error:
            raise SettingsError(f"--store {url}: {_first_line(error)}; use s3://, gs://, az:// or file:///") from error

    def reach(self) -> None:
        """Ask the store once, so that a wrong address or credential is found before a long training."""
        self._get(CURRENT)

    def fetch_current(self, parent: Path) -> None:
        """Make the store's current model, if it has one, current under ``parent``; call it under ``locked``.

        A damaged one is an error, unlike a damaged model on this disk: others may be serving from the store.
        """
        pointer = self._get(CURRENT)
        if pointer is None:
            return
        version = pointer.decode(errors="replace").strip()
        if not is_version(version):
            raise self._damaged(CURRENT, f"'{version[:80]}' is not a version")
        self._fetch(parent, version)
        promote(parent, version)

    def has(self, version: str) -> bool:
        """Whether the store holds a version, whole: the release is uploaded last."""
        return self._get(f"{version}/{RELEASE}") is not None

    def fetch_waiting(self, parent: Path) -> list[Intent]:
        """What the registry has still to be told by whoever comes next, each with its version under ``parent``."""
        with self._readable_errors(WAITING):
            listed = [item["path"] for page in self._store.list(f"{self._name}/{WAITING}") for item in page]
        found: list[Intent] = []
        for path in listed:
            content = self._get(path.removeprefix(f"{self._name}/"))
            if content:
                intent = msgspec.json.decode(content, type=Intent)
                self._fetch(parent, intent.version)
                found.append(intent)
        return found

    def put_waiting(self, intent: Intent) -> None:
        """Leave an intent to whoever comes next."""
        self._put(f"{WAITING}/{intent.version}.json", encode(intent))

    def drop_waiting(self, intent: Intent) -> None:
        """Empty an intent that is carried out: a training job may write to the store, but delete nothing."""
        self._put(f"{WAITING}/{intent.version}.json", b"")

    def _fetch(self, parent: Path, version: str) -> None:
        """Have a version of the store under ``parent``, verified."""
        try:
            manifest = msgspec.json.decode(self._need(version, MANIFEST), type=Manifest)
            release = msgspec.json.decode(self._need(version, RELEASE), type=Release)
        except msgspec.DecodeError as error:
            raise self._damaged(version, str(error)) from error
        files = {file: self._need(version, file) for file in manifest.files}
        altered = [file for file, content in files.items() if sha256(content) != manifest.files[file]]
        if altered or version_of(manifest) != version:
            raise self._damaged(f"{version}/{(altered or [MANIFEST])[0]}", "altered or truncated")
        write_version(parent, manifest, files, release)

    def upload(self, directory: Path, move_pointer: bool) -> None:
        """Copy a version to the store, then let the store's pointer name it if ``move_pointer``."""
        for file in sorted(directory.iterdir(), key=lambda file: file.name == RELEASE):
            self._put(f"{directory.name}/{file.name}", file.read_bytes())
        if move_pointer:
            self._put(CURRENT, f"{directory.name}\n".encode())

    def _need(self, version: str, file: str) -> bytes:
        """A file of a version that must be there."""
        content = self._get(f"{version}/{file}")
        if content is None:
            raise self._damaged(f"{version}/{file}", "missing")
        return content

    def _damaged(self, path: str, reason: str) -> PublishError:
        """The error for a current model that cannot be compared with, with the remedy."""
        remedy = f"restore it, or delete {self._address}/{CURRENT} to go on without a current model"
        return PublishError(f"{self._address}/{path}: {reason}; {remedy}")

    def _get(self, path: str) -> bytes | None:
        """An object's content, or None where there is none."""
        with self._readable_errors(path):
            try:
                return bytes(self._store.get(f"{self._name}/{path}").bytes())
            except FileNotFoundError:
                return None

    def _put(self, path: str, content: bytes) -> None:
        with self._readable_errors(path):
            self._store.put(f"{self._name}/{path}", content)

    @contextmanager
    def _readable_errors(self, path: str) -> Generator[None]:
        """One line that names the object, instead of the store's report of many."""
        try:
            yield
        except (BaseError, OSError) as error:
            raise PublishError(f"{self._address}/{path}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
