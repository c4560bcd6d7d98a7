"""Where a model comes from: the hash of the code, the libraries' versions, the commit."""

from __future__ import annotations

import hashlib
import subprocess
from importlib.metadata import version
from pathlib import Path

import app.artifact
import app.kernel.packed

PACKAGE = Path(__file__).parent
LIBRARIES = ("scikit-learn", "numpy", "onnx", "onnxruntime", "pandas")


def code_hash(package: Path = PACKAGE) -> str:
    """The SHA-256 of the code that makes artifacts, wherever and with whichever line endings it is checked out."""
    files = {f"training/{file.relative_to(package).as_posix()}": file for file in package.rglob("*.py")}
    for module in (app.artifact, app.kernel.packed):
        files[f"{module.__name__.replace('.', '/')}.py"] = Path(str(module.__file__))
    digest = hashlib.sha256()
    for name in sorted(files):
        content = files[name].read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def libraries() -> dict[str, str]:
    """The versions of the libraries that shape a model."""
    return {name: version(name) for name in LIBRARIES}


def git_state() -> tuple[str | None, bool]:
    """The commit of the code and whether it has uncommitted changes; (None, False) without git or outside of one."""
    commit = _git("rev-parse", "HEAD")
    return (commit, bool(_git("status", "--porcelain"))) if commit else (None, False)


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - whichever git the user has
            cwd=PACKAGE,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
