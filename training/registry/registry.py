"""The registry as the trainings and commands of one model meet it.

Where a registry is in use, its alias ``champion`` says which model is current, and the pointer ``current`` in
``artifacts/NAME`` follows. Whatever moves either is noted first (``spool``), then done to the registry, then to the
pointer; killed in between, it is completed by whoever comes next. ``settle`` and ``bring`` are called under
``publish.locked``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from app.artifact import Artifact, ArtifactError, Release, current_version, load
from training.errors import RegistryError
from training.publish import is_whole, load_release, promote, write_version
from training.registry.spool import Act, Intent, Spool
from training.registry.tracking import (
    CHALLENGER,
    CHAMPION,
    REPLACED,
    ROLLED_BACK,
    URI,
    Entries,
    Registered,
    Tracking,
)

FOLDER = ".registry"  # no model can have this name
DATABASE = "mlflow.db"
Say = Callable[[str], None]


class Registry:
    """The registry of ``artifacts`` for the model ``name``.

    It is the server that MLFLOW_TRACKING_URI names, or else a database in ``artifacts/.registry``. That one is begun
    where ``begin`` says so; before that, whatever is noted waits.
    """

    def __init__(self, artifacts: Path, name: str, begin: bool = False) -> None:
        self._artifacts, self._name = artifacts, name
        self._parent = artifacts / name
        self._spool = Spool(artifacts / FOLDER / "waiting" / name)
        self._begin = begin
        self._tracking: Tracking | None = None

    @property
    def opened(self) -> bool:
        """Whether there is a registry to speak to, or one is to be begun."""
        return bool(os.environ.get(URI)) or self._begin or (self._artifacts / FOLDER / DATABASE).exists()

    def note(self, version: str, act: Act, champion: str | None) -> Intent:
        """Keep what the registry is to be told of a version before that is written or moved."""
        return self._spool.note(version, act, champion)

    def waiting(self) -> list[Intent]:
        """What the registry has not been told yet."""
        return self._spool.waiting()

    def keep(self, intent: Intent) -> None:
        """Take over an intent that was noted elsewhere."""
        self._spool.keep(intent)

    def look(self) -> Entries:
        """What the registry holds of the model."""
        return self._connected().look(self._name)

    def settle(self, say: Say) -> None:
        """Tell the registry what waits, in order, then make its champion the current model here.

        Raises RegistryError where the registry does not answer; what was not told goes on waiting.
        """
        for intent in self._spool.waiting():
            try:
                artifact = load(self._parent / intent.version)
                release = load_release(artifact.directory)
            except ArtifactError as error:
                say(f"{intent.version} is not registered, because it is not whole: {error}")
            else:
                self._connected().register(artifact, release)
                self._carry_out(intent, say)
            self._spool.done(intent)
        champion = self.look().holder(CHAMPION)
        if champion is not None and current_version(self._parent) != champion.version:
            self.bring(champion)
            promote(self._parent, champion.version)
            say(f"{champion.version}, the registry's champion, is the current model now")

    def bring(self, entry: Registered) -> Path:
        """Have a version of the registry here, verified, at ``artifacts/NAME/VERSION``; the pointer stays.

        Raises RegistryError for files that are not the ones that were registered.
        """
        directory = self._parent / entry.version
        if is_whole(directory):
            return directory
        with tempfile.TemporaryDirectory() as scratch:
            found = self._connected().download(self._name, entry, Path(scratch))
            artifact, release = self._verified(found, entry)
            files = {name: (found / name).read_bytes() for name in artifact.manifest.files}
            return write_version(self._parent, artifact.manifest, files, release)

    def _verified(self, directory: Path, entry: Registered) -> tuple[Artifact, Release]:
        """What was downloaded, if it is the version and the model that the registry says it is."""
        try:
            artifact = load(directory)
            release = load_release(directory)
        except ArtifactError as error:
            reason = str(error).replace(f"{directory}/", "")
            raise RegistryError(f"{self._name} {entry.version} of the registry is refused: {reason}") from error
        manifest = artifact.manifest
        if (manifest.name, manifest.version) != (self._name, entry.version):
            raise RegistryError(
                f"{self._name} {entry.version} of the registry is refused: it is {manifest.name} {manifest.version}"
            )
        return artifact, release

    def _carry_out(self, intent: Intent, say: Say) -> None:
        """Move the aliases; each step may have been done before."""
        tracking, entries = self._connected(), self.look()
        entry, champion = entries.find(intent.version), entries.holder(CHAMPION)
        if entry is None or intent.act == "register":
            return
        if entry == champion:
            self._end_challenge(entry)
            return
        if intent.act == "challenge":
            tracking.point(self._name, CHALLENGER, entry)
            return
        if champion is not None and champion.version != intent.champion:
            say(f"{champion.version} has become the champion meanwhile, so {entry.version} is its challenger")
            tracking.point(self._name, CHALLENGER, entry)
            return
        if champion is not None and intent.act == "promote":
            tracking.tag(self._name, entry, REPLACED, champion.version)
        if champion is not None and intent.act == "restore":
            tracking.tag(self._name, champion, ROLLED_BACK, datetime.now(UTC).isoformat(timespec="seconds"))
        tracking.point(self._name, CHAMPION, entry)
        self._end_challenge(entry)

    def _end_challenge(self, entry: Registered) -> None:
        """A champion challenges nobody."""
        if CHALLENGER in entry.aliases:
            self._connected().drop(self._name, CHALLENGER)

    def _connected(self) -> Tracking:
        """The connection, made at first use."""
        if self._tracking is None:
            self._tracking = _connect(self._artifacts)
        return self._tracking


def known_names(artifacts: Path) -> list[str]:
    """The models that the registry of ``artifacts`` holds, and those that wait for it."""
    waiting = {folder.name for folder in (artifacts / FOLDER / "waiting").glob("*/")}
    return sorted(waiting | set(_connect(artifacts).names()))


def _connect(artifacts: Path) -> Tracking:
    """The server that the environment names, or the database in ``artifacts``, made if need be."""
    if server := os.environ.get(URI):
        return Tracking(server)
    folder = (artifacts / FOLDER).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return Tracking(f"sqlite:///{folder / DATABASE}", folder / "files")
