"""A training's dealings with the registry and the object store: they never end it, and never lose what it made."""

from __future__ import annotations

import os
from pathlib import Path

from app.artifact import Gate
from training.errors import RegistryError
from training.progress import Progress
from training.registry.registry import Registry
from training.registry.spool import Act, Intent
from training.registry.tracking import URI
from training.remote import Remote
from training.settings import RegistrySettings


class Clerk:
    """Meets the store and the registry before and after a model is judged; call it under ``publish.locked``.

    A training that writes to an object store runs on a disk that will be gone: there, what a registry could not be told
    waits in the store, and without MLFLOW_TRACKING_URI the store alone keeps the books.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        artifacts: Path,
        name: str,
        progress: Progress,
        remote: Remote | None,
        begin: bool = False,
    ) -> None:
        self._parent, self._progress, self._remote = artifacts / name, progress, remote
        kept = settings.enabled and (remote is None or bool(os.environ.get(URI)))
        self._registry = Registry(artifacts, name, begin) if kept else None
        self._out = False

    def meet(self) -> None:
        """Take the current model from the store and from the registry, after telling that what waits for it."""
        if self._remote is not None:
            self._remote.fetch_current(self._parent)
        if self._registry is None:
            return
        left: list[Intent] = self._remote.fetch_waiting(self._parent) if self._remote is not None else []
        for intent in left:
            self._registry.keep(intent)
        self._settle(left)

    def knows(self, version: str) -> bool:
        """Whether a version was there before: on this disk, in the store or in the registry."""
        if (self._parent / version).exists() or (self._remote is not None and self._remote.has(version)):
            return True
        try:
            return self._speaks() and self._registry is not None and self._registry.look().find(version) is not None
        except RegistryError:
            return False

    def note(self, version: str, gate: Gate, promoted: bool) -> None:
        """Write down what is to become of a version, before it is published."""
        act: Act = "promote" if promoted else "challenge" if gate.passed else "register"
        if self._registry is not None:
            self._registry.note(version, act, gate.champion)

    def tell(self, directory: Path, promoted: bool) -> None:
        """Hand the published version on."""
        if self._remote is not None:
            self._remote.upload(directory, move_pointer=promoted)
            self._progress.say("uploaded to the store")
        if self._registry is not None and not self._settle([]) and self._remote is not None:
            for intent in self._registry.waiting():
                self._remote.put_waiting(intent)

    def _settle(self, left: list[Intent]) -> bool:
        """Whether the registry has been told everything; ``left`` are the intents that the store kept."""
        if self._registry is None or not self._speaks():
            return False
        try:
            self._registry.settle(self._progress.say)
        except RegistryError as error:
            self._out = True
            self._progress.warn(
                f"{error}; what it was to be told waits for the next training, or python -m training sync"
            )
            return False
        if self._remote is not None:
            for intent in left:
                self._remote.drop_waiting(intent)
        return True

    def _speaks(self) -> bool:
        """Whether there is a registry that has not failed to answer yet; one that has is not waited for again."""
        return self._registry is not None and self._registry.opened and not self._out
