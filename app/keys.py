"""API keys: whoever may ask is known by the SHA-256 of a key. ``python -m app.keys NAME`` makes one.

A key is 256 random bits, so nobody can find it by trying, and one SHA-256 keeps it as well as a slow hash for passwords
would, at a cost that every request can bear. The file holds a line per key: its name, a space, its hash. Several keys
may be known at once, which is how one is replaced without an interruption.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

from app.endpoint import Headers
from app.errors import Unauthorized
from app.start import StartError

PREFIX = "mlp_"  # tells what a string is to people and to scanners for leaked secrets
RECHECK_SECONDS = 1.0  # between looks at the file
_LONGEST = 200  # characters of a key that are looked at
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_LINE = re.compile(rf"({_NAME})[ \t]+([0-9a-f]{{64}})")
_MAKE = "make one with `python -m app.keys NAME`"
_BEARER = re.compile(rb"bearer +(\S+) *", re.IGNORECASE)

logger = logging.getLogger(__name__)


class Keys:
    """The keys in a file, read again when it changes. A change that cannot be used leaves those before in force."""

    def __init__(self, file: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Read the file; raises StartError where it cannot be used."""
        self._file = file
        self._clock = clock
        self._checked = clock()
        try:
            self._state = _state(file)
            self._names = parse(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StartError(f"API_KEYS_FILE={str(file)!r}: {_reason(error)}") from error

    def name_of_caller(self, headers: Headers) -> str:
        """The name of the key that a request carries; raises Unauthorized."""
        self._refresh()
        given = headers.get(b"x-api-key", b"").strip()
        if not given and (found := _BEARER.fullmatch(headers.get(b"authorization", b""))):
            given = found[1]
        if not given:
            raise Unauthorized("send an API key in the header X-API-Key, or as Authorization: Bearer")
        digest = hashlib.sha256(given[:_LONGEST]).digest()
        caller = None
        for known, name in self._names.items():  # all of them, so that the time tells nothing
            if hmac.compare_digest(known, digest):
                caller = name
        if caller is None:
            raise Unauthorized("the API key is not known")
        return caller

    def _refresh(self) -> None:
        """Read the file again if it is another than it was."""
        now = self._clock()
        if now - self._checked < RECHECK_SECONDS:
            return
        self._checked = now
        try:
            state = _state(self._file)
            if state == self._state:
                return
            self._state = state
            self._names = parse(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            logger.error(
                "the API keys cannot be read again; those before stay in force", extra={"reason": _reason(error)}
            )
            return
        logger.info("API keys read again", extra={"keys": sorted(self._names.values())})


def parse(text: str) -> dict[bytes, str]:
    """The names by hash in the text of a file; blank lines and those that begin with ``#`` are passed over.

    Raises ValueError that names the line, never what stands there: it may be a key in plain text.
    """
    found: dict[bytes, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = _LINE.fullmatch(line.strip())
        if entry is None:
            raise ValueError(f"line {number} is not a name and the SHA-256 of a key; {_MAKE}")
        if entry[1] in found.values():
            raise ValueError(f"line {number} gives the name {entry[1]} to a second key")
        found[bytes.fromhex(entry[2])] = entry[1]
    if not found:
        raise ValueError(f"it holds no key; {_MAKE}")
    return found


def make() -> tuple[str, str]:
    """A new key and its hash in hexadecimal."""
    key = PREFIX + secrets.token_urlsafe(32)
    return key, hashlib.sha256(key.encode()).hexdigest()


def _state(file: Path) -> tuple[int, int, int]:
    """What changes with a file's content, also where a mounted secret is replaced by way of links."""
    found = os.stat(file)  # noqa: PTH116 - follows the links of a mounted secret
    return found.st_mtime_ns, found.st_size, found.st_ino


def _reason(error: OSError | ValueError) -> str:
    """What is wrong with the file, on one line."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def main() -> int:
    """Print a new key, and the line that makes the service know it; the exit status."""
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if not re.fullmatch(_NAME, name):
        print("usage: python -m app.keys NAME (letters, digits, '.', '_', '-')", file=sys.stderr)
        return 2
    key, digest = make()
    print(f"the key, for the caller; it is shown this once:\n{key}\nthe line for API_KEYS_FILE:\n{name} {digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
