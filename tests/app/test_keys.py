"""API keys: the file, its changes, and what is told of it."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import Unauthorized
from app.keys import Keys, make, parse
from app.start import StartError
from tests.app.service import REPOSITORY, failed_start

KEY, DIGEST = make()
OTHER, OTHER_DIGEST = make()


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "keys"
    found.write_text(f"# whoever asks\n\nbilling {DIGEST}\n")
    return found


def caller(keys: Keys, key: str) -> str | None:
    try:
        return keys.name_of_caller({b"x-api-key": key.encode()})
    except Unauthorized:
        return None


def replace(file: Path, text: str) -> None:
    """Put another file in its place, as mounted secrets are."""
    fresh = file.with_name("fresh")
    fresh.write_text(text)
    fresh.replace(file)


@pytest.mark.parametrize(
    "headers",
    [
        {b"x-api-key": KEY.encode()},
        {b"authorization": b"Bearer " + KEY.encode()},
        {b"authorization": b"bearer  " + KEY.encode() + b" "},
        {b"authorization": b"Basic eDp5", b"x-api-key": KEY.encode()},
    ],
)
def test_a_key_is_recognised_in_either_header(file: Path, headers: dict[bytes, bytes]) -> None:
    assert Keys(file).name_of_caller(headers) == "billing"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"x-api-key": b""},
        {b"x-api-key": DIGEST.encode()},
        {b"x-api-key": OTHER.encode()},
        {b"x-api-key": KEY.encode()[:-1]},
        {b"x-api-key": KEY.encode() + b"\0" * 100_000},
        {b"x-api-key": b"billing"},
        {b"authorization": KEY.encode()},
        {b"authorization": b"Bearer"},
        {b"authorization": b"Basic " + KEY.encode()},
        {b"authorization": b"Bearer " + KEY.encode() + b" x"},
        {b"authorization": b"Bearer \xff\xfe"},
    ],
)
def test_anything_else_is_not(file: Path, headers: dict[bytes, bytes]) -> None:
    with pytest.raises(Unauthorized):
        Keys(file).name_of_caller(headers)


def test_two_keys_are_known_at_once_and_the_old_one_goes_with_its_line(file: Path) -> None:
    clock = Clock()
    keys = Keys(file, clock)
    replace(file, f"billing {DIGEST}\nbilling-2 {OTHER_DIGEST}\n")
    assert (caller(keys, KEY), caller(keys, OTHER)) == ("billing", None)  # within the second
    clock.now = 1.0
    assert (caller(keys, KEY), caller(keys, OTHER)) == ("billing", "billing-2")
    replace(file, f"billing-2 {OTHER_DIGEST}\n")
    clock.now = 2.0
    assert (caller(keys, KEY), caller(keys, OTHER)) == (None, "billing-2")


@pytest.mark.parametrize(
    "content", [None, "", "billing\n", "billing " + KEY], ids=["gone", "empty", "no hash", "a key in plain text"]
)
def test_a_change_that_cannot_be_used_leaves_the_keys_in_force_and_is_logged(
    file: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    keys = Keys(file, clock)
    if content is None:
        file.unlink()
    else:
        replace(file, content)
    clock.now = 1.0
    assert caller(keys, KEY) == "billing"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert KEY not in str(vars(caplog.records[0]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "it holds no key"),
        ("# nothing\n", "it holds no key"),
        (f"a {DIGEST}\nb\n", "line 2 is not a name and the SHA-256 of a key"),
        (f"a {KEY}\n", "line 1 is not a name"),
        (f"a {DIGEST.upper()}\n", "line 1 is not a name"),
        (f"a b {DIGEST}\n", "line 1 is not a name"),
        (f"a {DIGEST}\na {OTHER_DIGEST}\n", "line 2 gives the name a to a second key"),
    ],
    ids=["empty", "a comment", "no hash", "a key in plain text", "upper case", "two names", "a name twice"],
)
def test_a_bad_line_is_named_by_its_number_and_never_shown(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="^" + says) as caught:
        parse(text)
    assert KEY not in str(caught.value)


def test_keys_are_256_random_bits_that_only_their_hash_is_kept_of() -> None:
    assert KEY != OTHER
    assert len(KEY) == len("mlp_") + 43  # characters of base64 for 32 bytes
    assert hashlib.sha256(KEY.encode()).hexdigest() == DIGEST


def test_the_command_makes_a_key_that_its_line_lets_in(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app.keys", *arguments]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)

    done = run("billing.eu-2")
    _, key, _, line = done.stdout.splitlines()
    (tmp_path / "keys").write_text(line)
    assert Keys(tmp_path / "keys").name_of_caller({b"x-api-key": key.encode()}) == "billing.eu-2"
    for arguments in ((), ("two", "names"), ("no spaces",), ("",), ("x" * 65,)):
        refused = run(*arguments)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("usage: python -m app.keys NAME")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_cannot_be_used_ends_the_start_with_one_line(flowers: Path, tmp_path: Path, workers: int) -> None:
    missing = failed_start(flowers, API_KEYS_FILE=tmp_path / "none", WORKERS=workers)
    assert missing == f"API_KEYS_FILE='{tmp_path / 'none'}': No such file or directory"


def test_a_limit_without_keys_ends_the_start(flowers: Path) -> None:
    assert "set API_KEYS_FILE too" in failed_start(flowers, RATE_LIMIT=5)


def test_a_file_in_another_encoding_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "keys").write_bytes(b"\xff\xfe")
    with pytest.raises(StartError, match="it is not UTF-8"):
        Keys(tmp_path / "keys")
