"""Publish: write a version as a whole or not at all, then move the pointer to it.

Everything happens under a lock of the model's directory, which the system drops when a process dies. What is being
written has a name with a dot in front and gets its real one by a rename, so that whoever reads, and whoever comes
after a kill or a power failure, sees a whole version or none.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.artifact import CURRENT, MANIFEST, RELEASE, ArtifactError, Manifest, Release, current_version, encode, load
from training.errors import PublishError

LOCK = ".lock"
_TEMPORARY = ".writing-"


@contextmanager
def locked(parent: Path) -> Generator[None]:
    """Be the only one to judge and publish under ``parent`` (made if need be); waits for others, clears what died."""
    with _readable_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        lock = (parent / LOCK).open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in parent.glob(f"{_TEMPORARY}*"):
            _remove(leftover)
        yield


def write_version(parent: Path, manifest: Manifest, files: dict[str, bytes], release: Release) -> Path:
    """Write ``parent/<version>`` and return it; call it under ``locked``.

    A whole version that is there already keeps its files and gets the new ``release``; a damaged one is replaced.
    Raises PublishError where the disk refuses.
    """
    directory = parent / manifest.version
    with _readable_errors(directory):
        if is_whole(directory):
            _replace_file(directory / RELEASE, encode(release), parent)
            return directory
        content = {**files, MANIFEST: encode(manifest), RELEASE: encode(release)}
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=parent))
        try:
            temporary.chmod(0o755)  # mkdtemp makes it 0700, but the service may run as another user
            for name, data in content.items():
                _write_file(temporary / name, data)
            _sync_directory(temporary)
            _is_valid(temporary)
            if directory.exists():
                directory.rename(temporary.with_name(f"{temporary.name}-damaged"))
            temporary.rename(directory)
            _sync_directory(parent)
        finally:
            for leftover in parent.glob(f"{_TEMPORARY}*"):
                _remove(leftover)
    return directory


def promote(parent: Path, version: str) -> bool:
    """Point ``parent/current`` at ``version``; False where it does so already. Call it under ``locked``."""
    if current_version(parent) == version:
        return False
    with _readable_errors(parent / CURRENT):
        _replace_file(parent / CURRENT, f"{version}\n".encode(), parent)
    return True


def load_release(directory: Path) -> Release:
    """Read ``release.json`` of a version. Raises ArtifactError."""
    try:
        return msgspec.json.decode((directory / RELEASE).read_bytes(), type=Release)
    except (OSError, msgspec.MsgspecError) as error:
        raise ArtifactError(f"{directory / RELEASE}: {error}") from error


def replace_file(file: Path, content: bytes) -> None:
    """Write ``file`` in one step and through to the disk, with its directory. Raises PublishError."""
    with _readable_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        _replace_file(file, content, file.parent)


def is_whole(directory: Path) -> bool:
    """Whether the version stands there that its name says, verified."""
    try:
        return load(directory).manifest.version == directory.name
    except ArtifactError:
        return False


def _is_valid(directory: Path) -> None:
    """Read back what was written, as the service will."""
    try:
        load(directory)
    except ArtifactError as error:
        raise PublishError(f"{error}; the disk did not keep what was written") from error


def _write_file(file: Path, content: bytes) -> None:
    """Write a new file through to the disk."""
    with file.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _replace_file(file: Path, content: bytes, parent: Path) -> None:
    """Replace ``file`` in one step, by way of one in ``parent``: a reader sees the old content or the new."""
    temporary = parent / f"{_TEMPORARY}{file.name}"
    try:
        _write_file(temporary, content)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_directory(file.parent)


def _sync_directory(directory: Path) -> None:
    """Make renames in ``directory`` outlast a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove what is left of an unfinished write."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _readable_errors(path: Path) -> Generator[None]:
    """Turn the system's errors, which on a full disk name no file, into one line that does."""
    try:
        yield
    except OSError as error:
        raise PublishError(f"{path}: {error.strerror or error}") from error
