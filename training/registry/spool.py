"""What the registry has still to be told: a file per version, written before the act and removed when it is done.

It is the answer to an outage and to a kill alike. Whoever comes next replays what it finds here, in order, and every
step may be repeated: nothing is registered twice, and an alias that stands where it should is left alone.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

import msgspec

from app.artifact import encode
from training.publish import replace_file

# Registered without an alias, as the challenger, as the champion, or as the champion that it was once before.
Act = Literal["register", "challenge", "promote", "restore"]


class Intent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to become of ``version``, which was decided while ``champion`` was the champion (None: nobody was).

    ``noted`` is the time in nanoseconds since 1970; intents are carried out in its order.
    """

    version: str
    act: Act
    champion: str | None
    noted: int


class Spool:
    """The intents for one model, in ``directory``, which is made when there is one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def note(self, version: str, act: Act, champion: str | None) -> Intent:
        """Keep an intent; it takes the place of an earlier one for the same version."""
        intent = Intent(version, act, champion, time.time_ns())
        self.keep(intent)
        return intent

    def keep(self, intent: Intent) -> None:
        """Write an intent through to the disk. Raises PublishError where that refuses."""
        replace_file(self._file(intent.version), encode(intent))

    def waiting(self) -> list[Intent]:
        """The intents that are not carried out yet, the oldest first; a file that is none is left alone."""
        found: list[Intent] = []
        for file in self._directory.glob("[!.]*.json"):
            try:
                found.append(msgspec.json.decode(file.read_bytes(), type=Intent))
            except (OSError, msgspec.MsgspecError):
                continue
        return sorted(found, key=lambda intent: intent.noted)

    def done(self, intent: Intent) -> None:
        """Forget an intent that is carried out."""
        self._file(intent.version).unlink(missing_ok=True)

    def _file(self, version: str) -> Path:
        return self._directory / f"{version}.json"
