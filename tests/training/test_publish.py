"""Publishing: whole versions or none, through kills, full disks, damage and rivals."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from app.artifact import (
    CURRENT,
    MODEL,
    RELEASE,
    REPORT,
    Gate,
    Manifest,
    Release,
    current_version,
    load,
    load_manifest,
    sha256,
    version_of,
)
from training.errors import PublishError
from training.publish import locked, promote, write_version

REPOSITORY = Path(__file__).parents[2]
GATE = Gate(passed=True, reasons=[], champion=None, champion_metrics={})


@dataclass(frozen=True)
class Version:
    """What write_version is given."""

    manifest: Manifest
    files: dict[str, bytes]

    @property
    def release(self) -> Release:
        return Release(
            version=self.manifest.version, created="2026-01-01T00:00:00Z", git_commit=None, git_dirty=False, gate=GATE
        )

    @property
    def pickled(self) -> bytes:
        """For a process that publishes it."""
        return pickle.dumps((self.manifest, self.files, self.release))

    def publish(self, parent: Path) -> Path:
        with locked(parent):
            directory = write_version(parent, self.manifest, self.files, self.release)
            promote(parent, self.manifest.version)
        return directory


@pytest.fixture
def versions(iris_artifacts: Path) -> tuple[Version, Version]:
    """Two versions of a real model that differ in their metrics and reports."""
    directory = iris_artifacts / "iris"
    base = load_manifest(directory / str(current_version(directory)))
    model = (directory / base.version / MODEL).read_bytes()
    made: list[Version] = []
    for number in (1, 2):
        files = {MODEL: model, REPORT: f"<p>{number}".encode() * 20_000}
        changed = msgspec.structs.replace(
            base, metrics={"accuracy": number / 2}, files={name: sha256(content) for name, content in files.items()}
        )
        made.append(Version(msgspec.structs.replace(changed, version=version_of(changed)), files))
    return made[0], made[1]


def tree(parent: Path) -> dict[str, bytes]:
    """Every file below ``parent`` that is not the lock."""
    return {
        str(file.relative_to(parent)): file.read_bytes()
        for file in sorted(parent.rglob("*"))
        if file.is_file() and file.name != ".lock"
    }


def test_a_version_is_readable_by_the_service_and_current(versions: tuple[Version, Version], tmp_path: Path) -> None:
    directory = versions[0].publish(tmp_path / "new" / "iris")
    artifact = load(directory.parent)
    assert artifact.manifest == versions[0].manifest
    assert directory.stat().st_mode & 0o777 == 0o755
    assert {path.name for path in directory.parent.iterdir()} == {".lock", directory.name, CURRENT}


def test_an_equal_version_is_kept_and_gets_the_verdict_of_the_day(
    versions: tuple[Version, Version], tmp_path: Path
) -> None:
    directory = versions[0].publish(tmp_path)
    before = {name: (directory / name).stat().st_ino for name in (MODEL, REPORT, "manifest.json")}
    verdict = msgspec.structs.replace(versions[0].release, created="2027-02-02T00:00:00Z")
    with locked(tmp_path):
        write_version(tmp_path, versions[0].manifest, versions[0].files, verdict)
        assert promote(tmp_path, versions[0].manifest.version) is False
    assert {name: (directory / name).stat().st_ino for name in before} == before
    assert msgspec.json.decode((directory / RELEASE).read_bytes(), type=Release) == verdict


def test_a_damaged_version_is_replaced(versions: tuple[Version, Version], tmp_path: Path) -> None:
    directory = versions[0].publish(tmp_path)
    whole = tree(tmp_path)
    (directory / MODEL).write_bytes(b"damaged")
    (directory / REPORT).unlink()
    versions[0].publish(tmp_path)
    assert tree(tmp_path) == whole


# Publishes over and over in a process of its own.
PUBLISH = textwrap.dedent(
    """
    import pathlib, pickle, sys
    from training.publish import locked, promote, write_version

    parent = pathlib.Path(sys.argv[1])
    manifest, files, release = pickle.loads(sys.stdin.buffer.read())
    for _ in range(20):
        with locked(parent):
            write_version(parent, manifest, files, release)
            promote(parent, manifest.version)
    """
)

# Runs in a process of its own: publishes, and kills itself just before the n-th call that touches the disk. What was
# being written is cut in half first, as after a power failure.
KILLED = textwrap.dedent(
    """
    import os, pathlib, pickle, signal, sys
    from training.publish import locked, promote, write_version

    parent, last = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    manifest, files, release = pickle.loads(sys.stdin.buffer.read())
    calls = 0

    def counted(name):
        real = getattr(os, name)
        def call(*arguments, **options):
            global calls
            calls += 1
            if calls == last:
                if name == "fsync" and os.path.isfile(f"/proc/self/fd/{arguments[0]}"):
                    os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)
        setattr(os, name, call)

    for name in ("mkdir", "chmod", "open", "fsync", "rename", "replace", "unlink"):
        counted(name)
    with locked(parent):
        write_version(parent, manifest, files, release)
        promote(parent, manifest.version)
    """
)


def killed_at(parent: Path, version: Version, call: int) -> int:
    """Publish in a process that dies at that call; its exit status."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(parent), str(call)],
        input=version.pickled,
        cwd=REPOSITORY,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode


def test_a_kill_at_any_moment_leaves_a_whole_current_model_and_the_next_run_cleans_up(
    versions: tuple[Version, Version], tmp_path: Path
) -> None:
    old, new = versions
    old.publish(tmp_path / "start")
    clean = tmp_path / "clean"
    old.publish(clean)
    new.publish(clean)
    seen: set[str | None] = set()
    call = 0
    status = -signal.SIGKILL
    while status != 0:
        call += 1
        parent = tmp_path / f"run {call}"
        shutil.copytree(tmp_path / "start", parent)
        status = killed_at(parent, new, call)
        seen.add(current_version(parent))
        load(parent)
        for directory in parent.iterdir():
            if directory.is_dir() and not directory.name.startswith("."):
                load(directory)
        new.publish(parent)
        assert tree(parent) == tree(clean)
    assert call > 10
    assert seen == {old.manifest.version, new.manifest.version}


@pytest.mark.parametrize("call", range(1, 13))
def test_a_disk_that_fills_up_changes_nothing_and_is_named(
    call: int, versions: tuple[Version, Version], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions[0].publish(tmp_path)
    before = tree(tmp_path)
    calls = 0
    real: Callable[[int], None] = os.fsync

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    message = ""
    try:
        versions[1].publish(tmp_path)
    except PublishError as error:
        message = str(error)
    assert (calls >= call) == bool(message)
    if message:
        assert f"{tmp_path}/" in message
        assert "No space left on device" in message
    written = {name for name in tree(tmp_path) if not name.startswith(versions[1].manifest.version)}
    assert written == set(before)
    assert load(tmp_path).manifest.version in {version.manifest.version for version in versions}


def test_a_directory_that_cannot_be_made_is_named(versions: tuple[Version, Version], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match="file/iris: Not a directory"):
        versions[0].publish(tmp_path / "file" / "iris")


def test_the_pointer_is_never_missing_while_versions_alternate(
    versions: tuple[Version, Version], tmp_path: Path
) -> None:
    """A reader in another process polls the pointer while two versions are promoted in turn."""
    for version in versions:
        version.publish(tmp_path)
    reader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import pathlib, sys\nfile = pathlib.Path(sys.argv[1])\nprint('go', flush=True)\n"
            "seen = {file.read_text() for _ in range(20000)}\nprint(sorted(seen))",
            str(tmp_path / CURRENT),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    reader.stdout.readline()
    while reader.poll() is None:
        for version in versions:
            with locked(tmp_path):
                promote(tmp_path, version.manifest.version)
    found = reader.stdout.read()
    reader.stdout.close()
    assert reader.returncode == 0
    assert set(msgspec.json.decode(found.replace("'", '"'), type=list[str])) <= {
        f"{version.manifest.version}\n" for version in versions
    }


def test_versions_published_at_once_are_all_whole_and_the_pointer_names_one(
    versions: tuple[Version, Version], tmp_path: Path
) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", PUBLISH, str(tmp_path)], cwd=REPOSITORY, stdin=subprocess.PIPE)
        for _ in range(6)
    ]
    for process, version in zip(running, versions * 3, strict=True):
        assert process.stdin is not None
        process.stdin.write(version.pickled)
        process.stdin.close()
    assert [process.wait(60) for process in running] == [0] * 6
    assert {load(path).manifest.version for path in tmp_path.iterdir() if path.is_dir()} == {
        version.manifest.version for version in versions
    }
    assert load(tmp_path).manifest.version in {version.manifest.version for version in versions}
