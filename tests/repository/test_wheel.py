"""The wheel: what a clone has of the packages, an installation has too."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

PACKAGES = ("app", "training")


def test_the_wheel_holds_every_file_of_the_packages(copy_of_the_repository: Callable[[], Path], tmp_path: Path) -> None:
    clone = copy_of_the_repository()
    files = {
        file.relative_to(clone).as_posix() for name in PACKAGES for file in (clone / name).rglob("*") if file.is_file()
    }
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(clone)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if name.startswith(tuple(f"{name}/" for name in PACKAGES))}
    assert "app/console/static/index.html" in files
    assert found == files
